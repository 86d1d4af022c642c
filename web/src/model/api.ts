/** Calls of the HTTP API, with the token that the user signed in with. */
import { Store } from './store.ts';

const TOKEN_KEY = 'millrace.token';

/** Whether the API has answered that it wants a token, or another one. */
export const wantsToken = new Store(false);

/** The API's refusal, in its own words. */
export class ApiError extends Error {
  readonly code: number;
  /** What else it says. */
  readonly data: unknown;

  constructor(code: number, message: string, data: unknown) {
    super(message);
    this.code = code;
    this.data = data;
  }
}

export interface Answer<T> {
  readonly data: T;
  /** Size of the answer, about. Bytes. */
  readonly bytes: number;
}

export type Query = Readonly<Record<string, string | number>>;

/** Asks. Rejects with `ApiError` where the API refuses, with another error where it does not answer. */
export function get<T>(path: string, query: Query = {}): Promise<Answer<T>> {
  return call<T>(apiUrl(path, query), {});
}

/** Commands. Rejects as `get` does. */
export async function post<T>(path: string, body: object): Promise<T> {
  const { data } = await call<T>(apiUrl(path), { method: 'POST', body: JSON.stringify(body) });
  return data;
}

/** What the API says of itself. Rejects where it does not answer. */
export async function fetchDocument<T>(): Promise<T> {
  const response = await fetch(documentUrl());
  return (await response.json()) as T;
}

export function documentUrl(): string {
  return apiUrl('openapi.json');
}

/** What operators' tools ask beside the API: `metrics`, `readyz`. Rejects where the server does not answer. */
export async function getText(path: 'metrics' | 'readyz'): Promise<string> {
  const response = await fetchWithToken(pageUrl(path).href);
  return response.text();
}

/** Where events come from, one after the other; a token stands in the address, as no header can be set. */
export function eventSourceUrl(since: number): string {
  const token = sessionStorage.getItem(TOKEN_KEY);
  return apiUrl('notify/stream', token === null ? { since } : { since, token });
}

/** Keeps the token until the tab is closed. */
export function signIn(token: string): void {
  sessionStorage.setItem(TOKEN_KEY, token);
  wantsToken.set(false);
}

export function signOut(): void {
  sessionStorage.removeItem(TOKEN_KEY);
  wantsToken.set(true);
}

export function isSignedIn(): boolean {
  return sessionStorage.getItem(TOKEN_KEY) !== null;
}

/** What to tell the user of a call that went wrong. */
export function reasonOf(error: unknown): string {
  if (error instanceof ApiError) return error.message;
  return 'the server does not answer';
}

async function call<T>(url: string, init: RequestInit): Promise<Answer<T>> {
  const response = await fetchWithToken(url, init);
  const text = await response.text();
  const answer = JSON.parse(text) as { error_code: number; desp: string; data: T };
  if (response.status === 401) wantsToken.set(true);
  if (answer.error_code !== 0) throw new ApiError(answer.error_code, answer.desp, answer.data);
  return { data: answer.data, bytes: text.length };
}

function fetchWithToken(url: string, init: RequestInit = {}): Promise<Response> {
  const token = sessionStorage.getItem(TOKEN_KEY);
  const headers: HeadersInit = token === null ? {} : { Authorization: `Bearer ${token}` };
  return fetch(url, { ...init, headers, cache: 'no-store' });
}

/** Relative to the page, which a reverse proxy may have put below a path of its own. */
function apiUrl(path: string, query: Query = {}): string {
  const url = pageUrl(`api/${path}`);
  for (const [name, value] of Object.entries(query)) url.searchParams.set(name, String(value));
  return url.href;
}

function pageUrl(path: string): URL {
  const url = new URL(path, document.baseURI);
  url.hash = '';
  return url;
}
