import React, { useEffect, useState } from 'react';

import { ApiError } from '../api/client';
import type { SignInPage } from '../api/targets';
import { isElsewhere, signInFaults, type SignInFields } from '../model/signIn';
import { useFields, type FormProps } from '../ui/ask';
import { CheckField, Choice, TextField } from '../ui/fields';
import { Notice } from '../ui/parts';

/** What Dex calls its own users in Kubeflow, who are taken where nothing is chosen. */
const USUAL = 'local';

export interface SignInFormProps extends FormProps<SignInFields> {
  /** Where the session is kept, as the target refers to it. */
  keptIn: string;
  /** Look for the page that takes user name and password. */
  look: (connector: string | null) => Promise<SignInPage>;
}

/** Says where user name and password would go, and asks for them. */
export function SignInForm(props: SignInFormProps): React.JSX.Element {
  const { look, keptIn, tried } = props;
  const [fields, change] = useFields(props);
  const [trouble, setTrouble] = useState<string | null>(null);
  const [ways, setWays] = useState(fields.page?.connectors ?? []);
  const { connector, page } = fields;
  useEffect(() => {
    let isWanted = page === null;
    if (isWanted) {
      setTrouble(null);
      look(connector).then(
        found => {
          if (isWanted) {
            setWays(found.connectors);
            change({ page: found, agreed: false });
          }
        },
        (error: Error) => isWanted && setTrouble(error instanceof ApiError ? error.advice : error.message)
      );
    }
    return () => {
      isWanted = false;
    };
  }, [connector, page === null]);
  const faults = tried ? signInFaults(fields) : {};
  return (
    <>
      <Where page={page} trouble={trouble} />
      {ways.length > 0 && (
        <Choice
          name="connector"
          label="Sign in by"
          value={connector ?? ''}
          choices={[['', ways.includes(USUAL) ? 'the usual way' : 'choose…'], ...ways.map(twice)]}
          onChange={name => change({ connector: name || null, page: null })}
        />
      )}
      <TextField
        name="user"
        label="User name"
        unit=""
        hint="user@example.com"
        wide
        value={fields.user}
        fault={faults.user}
        onChange={user => change({ user })}
      />
      <TextField
        name="password"
        label="Password"
        unit=""
        hint=""
        wide
        secret
        value={fields.password}
        fault={faults.password}
        onChange={password => change({ password })}
      />
      {page !== null && isElsewhere(page) && (
        <CheckField
          name="agreed"
          checked={fields.agreed}
          fault={faults.agreed}
          onChange={agreed => change({ agreed })}
        >
          Send them to {page.site}
        </CheckField>
      )}
      <p className="labline-Form-note">
        Both are sent once and kept nowhere. What is kept is the session’s cookie, in <code>{keptIn}</code>.
      </p>
    </>
  );
}

/** Where user name and password would go, as far as that is known. */
function Where({ page, trouble }: { page: SignInPage | null; trouble: string | null }): React.JSX.Element {
  if (trouble !== null) {
    return <Notice kind="error">{trouble}</Notice>;
  }
  if (page === null) {
    return <Notice kind="info">Looking for the sign-in page…</Notice>;
  }
  if (page.site === null) {
    return <Notice kind="info">There are several ways to sign in. Choose one that takes a password.</Notice>;
  }
  if (isElsewhere(page)) {
    return (
      <Notice kind="warning">
        The sign-in page is on another site than the target: <b>{page.site}</b>, not {page.target_site}.
      </Notice>
    );
  }
  return (
    <Notice kind="info">
      User name and password go to <b>{page.site}</b>, where the target is.
    </Notice>
  );
}

function twice(name: string): [string, string] {
  return [name, name];
}
