/** What is asked of whoever signs in to a target. */

import type { SignInPage, SignInRequest } from '../api/targets';

export interface SignInFields {
  user: string;
  password: string;
  /** The way to sign in that was chosen; `null` for the usual one. */
  connector: string | null;
  /** Where both would go; `null` as long as that is not known. */
  page: SignInPage | null;
  /** Whether they may go to another site than the target's. */
  agreed: boolean;
}

export const NOTHING: SignInFields = {
  user: '',
  password: '',
  connector: null,
  page: null,
  agreed: false
};

/** Whether both would go to another site than the target's own. */
export function isElsewhere({ site, target_site }: SignInPage): boolean {
  return site !== null && site !== target_site;
}

/** What is missing, by field. */
export function signInFaults(fields: SignInFields): Partial<Record<keyof SignInFields, string>> {
  const { user, password, page, agreed } = fields;
  return {
    ...(page?.site == null && { page: 'where they go is not known yet' }),
    ...(user.trim() === '' && { user: 'is needed' }),
    ...(password === '' && { password: 'is needed' }),
    ...(page !== null && isElsewhere(page) && !agreed && { agreed: 'to go on, say that this is right' })
  };
}

/** The fields, which have no faults, as the server takes them. */
export function toSignIn({ user, password, page, connector }: SignInFields): SignInRequest {
  return { user: user.trim(), password, site: page?.site ?? '', connector };
}

/** What stays in the form where the server has said no: never the password. */
export function withoutPassword(fields: SignInFields): SignInFields {
  return { ...fields, password: '' };
}
