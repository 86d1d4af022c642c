/** The door of assembly. */
export { LiveAdmission } from './admission.ts';
export { createApi } from './api.ts';
export { loadCertificates } from './certificates.ts';
export { Drain } from './drain.ts';
export { effectiveNotifyOptions, type LiveOptions, liveOptions } from './live-options.ts';
export { createHls, playerOptions } from './players.ts';
export { createPulls } from './pulls.ts';
export { type ReadConfig, Reloader } from './reload.ts';
export { startPort, stopNotifier, within } from './start-stop.ts';
export { ownWarnings } from './warnings.ts';
