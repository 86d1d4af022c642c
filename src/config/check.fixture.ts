/** Test helper: the check's result, which is the one that the test wants. */
import assert from 'node:assert/strict';
import { checkConfig } from './check.ts';

/** What a value that has no errors means. */
export function config(value: unknown) {
  const result = checkConfig(value);
  assert.ok(result.ok, JSON.stringify(result));
  return result.config;
}

/** Its warnings, but for the line of what is off. */
export function warnings(value: unknown): string[] {
  const result = checkConfig(value);
  assert.ok(result.ok, JSON.stringify(result));
  return result.warnings.filter((warning) => !warning.startsWith('off, '));
}

/** The line of what is off because the file does not name it. */
export function offLine(value: unknown): string[] {
  const result = checkConfig(value);
  assert.ok(result.ok, JSON.stringify(result));
  return result.warnings.filter((warning) => warning.startsWith('off, '));
}

/** The errors of a value that has some. */
export function errors(value: unknown): string[] {
  const result = checkConfig(value);
  assert.ok(!result.ok, 'no error');
  return result.errors;
}
