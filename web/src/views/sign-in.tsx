/** Asks for the API's token. */
import type { VNode } from 'preact';
import { useEffect, useRef, useState } from 'preact/hooks';
import { isSignedIn, signIn } from '../model/api.ts';
import { Field } from '../ui/fields.tsx';

export function SignIn(): VNode {
  const [token, setToken] = useState('');
  // it was there, and was not taken
  const [wasRefused] = useState(isSignedIn);
  const input = useRef<HTMLInputElement>(null);
  useEffect(() => input.current?.focus(), []);
  const onSubmit = (event: Event): void => {
    event.preventDefault();
    if (token !== '') signIn(token);
  };
  return (
    <main id="main" class="sign-in" tabIndex={-1}>
      <form class="panel" onSubmit={onSubmit}>
        <h1>Millrace</h1>
        <p>This server asks for its API token.</p>
        <Field label="Token" hint="The value of millrace.api.token in the server's configuration.">
          <input
            ref={input}
            type="password"
            autocomplete="current-password"
            value={token}
            onInput={(event) => setToken(event.currentTarget.value)}
          />
        </Field>
        {wasRefused ? (
          <p class="problem" role="alert">
            The token was not taken.
          </p>
        ) : null}
        <button type="submit" class="primary">
          Sign in
        </button>
      </form>
    </main>
  );
}
