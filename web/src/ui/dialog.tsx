/** A question over the page; Escape and the button Cancel leave it. */
import { type ComponentChildren, createContext, type VNode } from 'preact';
import { useContext, useEffect, useRef } from 'preact/hooks';
import { Store, useStore } from '../model/store.ts';

interface DialogProps {
  readonly title: string;
  /** What is done, on its button. */
  readonly action: string;
  readonly isDangerous?: boolean;
  /** Resolves to whether the dialog may close. */
  readonly onAction: () => Promise<boolean>;
  readonly children: ComponentChildren;
}

interface Open {
  /** Another one for each dialog, also where two of a kind follow each other. */
  readonly key: number;
  readonly dialog: VNode;
}

const open = new Store<Open | null>(null);
const Key = createContext(0);
let lastKey = 0;

/** Shows a dialog in the place of whichever is there. */
export function showDialog(dialog: VNode): void {
  open.set({ key: ++lastKey, dialog });
}

/** Where dialogs appear; once on the page. */
export function DialogPlace(): VNode | null {
  const shown = useStore(open);
  if (shown === null) return null;
  return (
    <Key.Provider key={shown.key} value={shown.key}>
      {shown.dialog}
    </Key.Provider>
  );
}

export function Dialog({ title, action, isDangerous = false, onAction, children }: DialogProps): VNode {
  const ref = useRef<HTMLDialogElement>(null);
  useEffect(() => ref.current?.showModal(), []);
  const key = useContext(Key);
  // the browser tells of it a moment later, when another dialog may have the place
  const onClose = (): void => {
    if (open.value?.key === key) open.set(null);
  };
  const submit = async (event: Event): Promise<void> => {
    event.preventDefault();
    if (await onAction()) ref.current?.close();
  };
  return (
    <dialog ref={ref} aria-labelledby="dialog-title" onClose={onClose}>
      <form onSubmit={(event) => void submit(event)}>
        <h2 id="dialog-title">{title}</h2>
        {children}
        <div class="actions end">
          <button type="button" onClick={() => ref.current?.close()}>
            Cancel
          </button>
          <button type="submit" class={isDangerous ? 'danger' : 'primary'}>
            {action}
          </button>
        </div>
      </form>
    </dialog>
  );
}
