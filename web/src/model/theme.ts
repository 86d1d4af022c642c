/** Dark or light: as the system says, or as the user says, who is remembered. */
import { Store } from './store.ts';

const THEMES = ['auto', 'light', 'dark'] as const;
export type Theme = (typeof THEMES)[number];

const KEY = 'millrace.theme';

export const theme = new Store<Theme>(stored());
apply(theme.value);

/** Goes on to the next one. */
export function nextTheme(): void {
  const next = THEMES[(THEMES.indexOf(theme.value) + 1) % THEMES.length] ?? 'auto';
  localStorage.setItem(KEY, next);
  apply(next);
  theme.set(next);
}

function stored(): Theme {
  const found = localStorage.getItem(KEY);
  return THEMES.find((each) => each === found) ?? 'auto';
}

function apply(to: Theme): void {
  document.documentElement.dataset['theme'] = to;
}
