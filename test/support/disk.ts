/** Small disks that a test can fill. */
import { execFileSync } from 'node:child_process';
import { OrderedScope, type Scope, tempDir } from './temp-dir.ts';

/** A disk of so many bytes; null where it cannot be mounted, which takes root. */
export function mountDisk(scope: Scope, bytes: number): string | null {
  const own = new OrderedScope();
  const folder = tempDir(own);
  try {
    execFileSync('mount', ['-t', 'tmpfs', '-o', `size=${bytes}`, 'tmpfs', folder], { stdio: 'pipe' });
    // lazily, since a process that was just killed may still have it open
    own.after(() => void execFileSync('umount', ['-l', folder]));
    scope.after(() => own.end());
    return folder;
  } catch {
    scope.after(() => own.end());
    return null;
  }
}
