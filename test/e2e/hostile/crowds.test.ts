/** Many who come and say nothing, too little, or nothing sensible: on every port, while a publisher and players go on. */
import { before } from 'node:test';
import { type Attack, besiege, type Siege, startSiege } from '../../support/siege.ts';
import { fileScope } from '../../support/temp-dir.ts';

const scope = fileScope();
let siege: Siege;

before(async () => {
  siege = await startSiege(scope);
});

const ATTACKS: readonly Attack[] = [{ name: 'nothing', run: async () => {}, named: null }];

besiege(() => siege, ATTACKS);
