/** Numbers, times and names as people read them. */

const UNITS = ['', 'k', 'M', 'G', 'T'];

/** `2.41 Mbit/s` */
export function bitrate(bitsPerSec: number): string {
  return `${scaled(bitsPerSec)}bit/s`;
}

/** The API's kbit has 1024 bit. */
export function bitrateOfKbits(kbits: number): string {
  return bitrate(kbits * 1024);
}

/** `10.7 MB` */
export function bytes(count: number): string {
  return `${scaled(count)}B`;
}

export function count(value: number): string {
  return value.toLocaleString('en');
}

/** Two digits. */
function two(value: number): string {
  return String(value).padStart(2, '0');
}

/** Three digits, as far as they say something, and the unit's first letter. */
function scaled(value: number): string {
  let unit = 0;
  let rest = value;
  while (rest >= 999.5 && unit < UNITS.length - 1) {
    rest /= 1000;
    unit++;
  }
  const digits = unit === 0 || rest >= 100 ? 0 : rest >= 10 ? 1 : 2;
  return `${rest.toFixed(digits)} ${UNITS[unit]}`;
}

/** `42 s`, `3 min`, `2 h 5 min`, `4 d 3 h` */
export function duration(ms: number): string {
  const sec = Math.max(0, Math.round(ms / 1000));
  if (sec < 60) return `${sec} s`;
  const min = Math.floor(sec / 60);
  if (min < 60) return `${min} min`;
  const hours = Math.floor(min / 60);
  return hours < 24 ? `${hours} h ${min % 60} min` : `${Math.floor(hours / 24)} d ${hours % 24} h`;
}

/** `14:03:07.125` */
export function timeOfDay(unixMs: number): string {
  const at = new Date(unixMs);
  const ms = String(at.getMilliseconds()).padStart(3, '0');
  return `${two(at.getHours())}:${two(at.getMinutes())}:${two(at.getSeconds())}.${ms}`;
}

/** `2026-11-24 14:03:07.125`, as the API writes times. */
export function dateTime(unixMs: number): string {
  const at = new Date(unixMs);
  return `${at.getFullYear()}-${two(at.getMonth() + 1)}-${two(at.getDate())} ${timeOfDay(unixMs)}`;
}

/** Without the milliseconds of the API's local times. */
export function wholeSeconds(localTime: string): string {
  return localTime.replace(/\.\d+$/, '');
}

/** The address without its port: `192.0.2.7`, `2001:db8::1`. */
export function hostOf(remoteAddr: string): string {
  return remoteAddr.replace(/:\d+$/, '').replace(/^\[(.*)\]$/, '$1');
}

/** Names are anybody's text: what cannot be seen, or turns the line around, is shown as its number. */
export function visible(name: string): string {
  return name.replace(
    /[\p{Cc}\p{Cf}\p{Zl}\p{Zp}]/gu,
    (char) => `⟨U+${(char.codePointAt(0) ?? 0).toString(16).toUpperCase().padStart(4, '0')}⟩`,
  );
}
