import React, { useState } from 'react';

import type { LablineClient } from '../api/client';
import type { Run } from '../api/types';
import { ActionButton, Notice } from '../ui/parts';

/** That what is shown of a run may be old, and the way on. */
export function OutOfSight({ run, client }: { run: Run; client: LablineClient }): React.JSX.Element | null {
  const { target, unseen } = run;
  if (!unseen) {
    return null;
  }
  if (unseen === 'no-answer') {
    return (
      <Notice kind="warning">
        {target} does not answer. The run goes on there, and is followed again as soon as it does.
      </Notice>
    );
  }
  return (
    <SignedOut target={target} client={client}>
      {run.ended === null
        ? `${target} wants you to sign in. The run goes on there meanwhile, and is not followed.`
        : `${target} wants you to sign in.`}
    </SignedOut>
  );
}

interface SignedOutProps {
  target: string;
  client: LablineClient;
  /** Somebody has signed in. */
  onSignedIn?: () => void;
  children: React.ReactNode;
}

/** That nobody is signed in to a target, and the button that asks for it. */
export function SignedOut({ target, client, onSignedIn, children }: SignedOutProps): React.JSX.Element {
  const [isDone, setDone] = useState(false);
  const signIn = async () => {
    if (await client.askToSignIn?.(target)) {
      setDone(true);
      onSignedIn?.();
    }
  };
  return (
    <div className="labline-Notice labline-SignedOut" data-labline-notice="warning" role="alert">
      <p>{children}</p>
      <ActionButton
        action="sign-in"
        onClick={() => void signIn()}
        disabled={isDone}
        label={`Sign in to ${target}`}
      >
        {isDone ? 'Signed in' : 'Sign In…'}
      </ActionButton>
    </div>
  );
}
