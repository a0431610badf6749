import { Clipboard } from '@jupyterlab/apputils';
import React, { useState } from 'react';

import type { Endpoint } from '../api/endpoints';
import { ActionButton } from '../ui/parts';
import { curl, python, TOKEN, tokenCommand } from './snippets';

export interface SnippetsProps {
  endpoint: Endpoint;
  body: string;
  version: string | null;
}

const LANGUAGES = { curl, python } as const;
type Language = keyof typeof LANGUAGES;

/** The same request from elsewhere on this machine, to be copied. The token is taken from the environment. */
export function Snippets({ endpoint, body, version }: SnippetsProps): React.JSX.Element {
  const [language, setLanguage] = useState<Language>('curl');
  const [copied, setCopied] = useState('');
  const text = LANGUAGES[language](endpoint, body, version);
  const copy = (what: string, text: string) => {
    Clipboard.copyToSystem(text);
    setCopied(`${what} is copied.`);
  };
  return (
    <details className="labline-Snippets">
      <summary>Ask from a program</summary>
      <p>
        On this machine, with the endpoint’s token in <code>{TOKEN}</code>:{' '}
        <code>{tokenCommand(endpoint)}</code>{' '}
        <ActionButton action="copy-token-command" onClick={() => copy('The command', tokenCommand(endpoint))}>
          Copy the command
        </ActionButton>
      </p>
      <div className="labline-Try-ways" role="group" aria-label="Language">
        {(Object.keys(LANGUAGES) as Language[]).map(each => (
          <button
            key={each}
            type="button"
            className="labline-Button"
            data-labline-action={`snippet-${each}`}
            aria-pressed={each === language}
            onClick={() => {
              setLanguage(each);
              setCopied('');
            }}
          >
            {each === 'curl' ? 'curl' : 'Python'}
          </button>
        ))}
        <ActionButton action="copy-snippet" onClick={() => copy('The request', text)}>
          Copy
        </ActionButton>
        <span className="labline-Log-note" role="status">
          {copied}
        </span>
      </div>
      <pre tabIndex={0} aria-label={`The request in ${language}`} data-labline-snippet={language}>
        {text}
      </pre>
    </details>
  );
}
