/** Small parts that several views are made of. */
import type { ComponentChildren, VNode } from 'preact';
import { useState } from 'preact/hooks';
import { visible } from '../model/format.ts';
import { useStore } from '../model/store.ts';
import { dismiss, toasts } from '../model/toasts.ts';

type Tone = 'good' | 'warn' | 'bad' | 'quiet';

export function Chip({ tone, children }: { tone: Tone; children: ComponentChildren }): VNode {
  return <span class={`chip ${tone}`}>{children}</span>;
}

/** A name that anybody may have chosen. */
export function Name({ children }: { children: string }): VNode {
  return <bdi class="name">{visible(children)}</bdi>;
}

/** A part of a view under a heading of its own. */
export function Panel({ title, aside, children }: PanelProps): VNode {
  return (
    <section class="panel" aria-label={title}>
      <header>
        <h2>{title}</h2>
        {aside}
      </header>
      {children}
    </section>
  );
}

interface PanelProps {
  readonly title: string;
  /** Beside the heading. */
  readonly aside?: ComponentChildren;
  readonly children: ComponentChildren;
}

interface FieldProps {
  readonly label: string;
  readonly hint?: string;
  readonly children: ComponentChildren;
}

/** An input with its name, which it is inside of. */
export function Field({ label, hint, children }: FieldProps): VNode {
  return (
    // biome-ignore lint/a11y/noLabelWithoutControl: the control is among the children
    <label class="field">
      <span>{label}</span>
      {children}
      {hint === undefined ? null : <small>{hint}</small>}
    </label>
  );
}

interface SelectProps<T extends string> {
  /** Where it is in no field that names it. */
  readonly label?: string;
  readonly value: T;
  /** Values, and how they are called. */
  readonly options: readonly (readonly [T, string])[];
  readonly onChange: (value: T) => void;
}

export function Select<T extends string>({ label, value, options, onChange }: SelectProps<T>): VNode {
  return (
    <select
      aria-label={label}
      value={value}
      onChange={(event) => {
        const found = options.find(([each]) => each === event.currentTarget.value);
        if (found !== undefined) onChange(found[0]);
      }}
    >
      {options.map(([each, title]) => (
        <option key={each} value={each}>
          {title}
        </option>
      ))}
    </select>
  );
}

/** How long "Copied" is shown. */
const COPIED_MS = 1500;

export function CopyButton({ text, what }: { text: string; what: string }): VNode {
  const [isCopied, setCopied] = useState(false);
  const onClick = async (): Promise<void> => {
    await copy(text);
    setCopied(true);
    setTimeout(() => setCopied(false), COPIED_MS);
  };
  return (
    <button type="button" class="small" aria-label={`Copy ${what}`} onClick={() => void onClick()}>
      {isCopied ? 'Copied' : 'Copy'}
    </button>
  );
}

/** Pages that came by plain HTTP from another machine may not use the clipboard's own interface. */
async function copy(text: string): Promise<void> {
  if (window.isSecureContext) return navigator.clipboard.writeText(text);
  const area = document.createElement('textarea');
  area.value = text;
  document.body.append(area);
  area.select();
  document.execCommand('copy');
  area.remove();
}

export function Toasts(): VNode {
  const shown = useStore(toasts);
  return (
    <div class="toasts" role="status">
      {shown.map(({ id, kind, text }) => (
        <p key={id} class={kind}>
          {visible(text)}
          <button type="button" class="small" aria-label="Dismiss" onClick={() => dismiss(id)}>
            ×
          </button>
        </p>
      ))}
    </div>
  );
}
