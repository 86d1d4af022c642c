/** A question over the page; Escape and the button Cancel leave it. */
import type { ComponentChildren, VNode } from 'preact';
import { useEffect, useRef } from 'preact/hooks';
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

const open = new Store<VNode | null>(null);

/** Shows a dialog in the place of whichever is there. */
export function showDialog(dialog: VNode): void {
  open.set(dialog);
}

function closeDialog(): void {
  open.set(null);
}

/** Where dialogs appear; once on the page. */
export function DialogPlace(): VNode | null {
  return useStore(open);
}

export function Dialog({ title, action, isDangerous = false, onAction, children }: DialogProps): VNode {
  const ref = useRef<HTMLDialogElement>(null);
  useEffect(() => ref.current?.showModal(), []);
  const submit = async (event: Event): Promise<void> => {
    event.preventDefault();
    if (await onAction()) ref.current?.close();
  };
  return (
    <dialog ref={ref} aria-labelledby="dialog-title" onClose={closeDialog}>
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
