/** What users type into and pick from. */
import type { ComponentChildren, VNode } from 'preact';
import { useState } from 'preact/hooks';

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

interface SearchFieldProps {
  readonly label?: string;
  readonly value: string;
  /** What is searched, or what is found where nothing is typed. */
  readonly placeholder: string;
  readonly onInput: (value: string) => void;
}

/** Where is typed what is looked for. */
export function SearchField({ label = 'Search', value, placeholder, onInput }: SearchFieldProps): VNode {
  return (
    <Field label={label}>
      <input
        type="search"
        value={value}
        placeholder={placeholder}
        onInput={(event) => onInput(event.currentTarget.value)}
      />
    </Field>
  );
}

interface StreamFilterProps {
  /** The name of the stream that is shown; empty: all are. */
  readonly stream: string;
  readonly onShow: (stream: string) => void;
  /** Further fields, and what else is done with what is found. */
  readonly children?: ComponentChildren;
}

/** Where a list of all streams is narrowed to one, whose whole name is typed. */
export function StreamFilter({ stream, onShow, children }: StreamFilterProps): VNode {
  const [wanted, setWanted] = useState(stream);
  return (
    <form
      class="filters"
      onSubmit={(event) => {
        event.preventDefault();
        onShow(wanted);
      }}
    >
      <SearchField label="Stream" value={wanted} placeholder="All streams" onInput={setWanted} />
      {children}
    </form>
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
