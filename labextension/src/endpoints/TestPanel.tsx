import React, { useCallback, useEffect, useId, useState } from 'react';

import type { LablineClient } from '../api/client';
import type { Column, Endpoint, Example, Prediction } from '../api/endpoints';
import { formatSeconds } from '../model/format';
import { useReading } from '../models/reading';
import { Choice } from '../ui/fields';
import { ActionButton, Notice } from '../ui/parts';
import { sent, served, typed } from './deployment';
import { Snippets } from './SnippetView';

export interface TestPanelProps {
  endpoint: Endpoint;
  client: LablineClient;
}

type Fields = Readonly<Record<string, string>>;

/** Ask an endpoint something: a form for one row, or the JSON that is sent; the answer, and the same from elsewhere. */
export function TestPanel({ endpoint, client }: TestPanelProps): React.JSX.Element {
  const versions = [
    ...new Set(served(endpoint).flatMap(({ version, role }) => (role === 'shadow' ? [] : (version ?? []))))
  ];
  const [chosen, setChosen] = useState('');
  const version = versions.includes(chosen) ? chosen : '';
  const shown = version || versions[0];
  const { value: example, trouble } = useReading(
    // Another generation may serve another model.
    useCallback(() => client.example(endpoint, shown), [client, endpoint.name, endpoint.generation, shown])
  );
  return (
    <div className="labline-Try">
      {versions.length > 1 && (
        <Choice
          name="version"
          label="Version"
          value={version}
          choices={[['', 'as the requests are shared'], ...versions.map(each => [each, each] as const)]}
          onChange={setChosen}
        />
      )}
      {trouble && <Notice kind="error">{trouble}</Notice>}
      {example && (
        <Form
          key={`${example.model} ${example.version}`}
          endpoint={endpoint}
          client={client}
          example={example}
          version={version || null}
        />
      )}
    </div>
  );
}

interface FormProps extends TestPanelProps {
  example: Example;
  version: string | null;
}

function Form({ endpoint, client, example, version }: FormProps): React.JSX.Element {
  const { columns, body: given } = example;
  const [fields, setFields] = useState<Fields>(() => fieldsOf(given, columns) ?? {});
  const [text, setText] = useState(() => JSON.stringify(given ?? { inputs: [] }, null, 2));
  const [asJson, setAsJson] = useState(columns.length === 0 || fieldsOf(given, columns) === null);
  const [answer, setAnswer] = useState<Prediction | null>(null);
  const [trouble, setTrouble] = useState<string | null>(null);
  const [busy, setBusy] = useState(false);
  const id = useId();
  const body = asJson ? text : JSON.stringify(bodyOf(fields, columns), null, 2);
  const fault = faultOf(body);
  useEffect(() => setAnswer(null), [version]);
  const send = async () => {
    setBusy(true);
    try {
      setAnswer(await client.predict(endpoint, body, version));
      setTrouble(null);
    } catch (error) {
      setTrouble((error as Error).message);
    } finally {
      setBusy(false);
    }
  };
  const toForm = () => {
    const read = fault === null ? fieldsOf(JSON.parse(text) as Record<string, unknown>, columns) : null;
    if (read === null) {
      setTrouble('The form shows one row of dataframe_records; the JSON is something else.');
    } else {
      setFields(read);
      setTrouble(null);
      setAsJson(false);
    }
  };
  return (
    <>
      <div className="labline-Try-ways" role="group" aria-label="How the request is written">
        <ActionButton
          action="try-form"
          pressed={!asJson}
          onClick={() => asJson && toForm()}
          disabled={columns.length === 0}
          title={columns.length === 0 ? 'The model does not say which columns it takes' : undefined}
        >
          Form
        </ActionButton>
        <ActionButton
          action="try-json"
          pressed={asJson}
          onClick={() => {
            setText(body);
            setAsJson(true);
          }}
        >
          JSON
        </ActionButton>
        <span className="labline-Log-note">
          {example.made_up
            ? 'The model was logged without an input example: these values are made up.'
            : 'Filled in from the input example of the model.'}
        </span>
      </div>
      <div className="labline-Try-sides">
        <form
          onSubmit={event => {
            event.preventDefault();
            void send();
          }}
        >
          {asJson ? (
            <>
              <label htmlFor={id}>What is sent to /invocations</label>
              <textarea
                id={id}
                className="labline-Try-json"
                rows={Math.min(20, Math.max(6, text.split('\n').length + 1))}
                spellCheck={false}
                data-lm-suppress-shortcuts="true"
                data-labline-option="body"
                aria-invalid={fault !== null}
                aria-describedby={`${id}-fault`}
                value={text}
                onChange={event => setText(event.target.value)}
              />
              <small id={`${id}-fault`} aria-live="polite">
                {fault}
              </small>
            </>
          ) : (
            <div className="labline-Try-fields">
              {columns.map(column => (
                <Field
                  key={column.name}
                  column={column}
                  value={fields[column.name] ?? ''}
                  onChange={value => setFields({ ...fields, [column.name]: value })}
                />
              ))}
            </div>
          )}
          <button
            type="submit"
            className="labline-Button labline-mod-primary"
            data-labline-action="send"
            disabled={busy || fault !== null || endpoint.state !== 'ready'}
          >
            Send
          </button>
        </form>
        <div className="labline-Try-answer" aria-live="polite">
          {trouble && <Notice kind="error">{trouble}</Notice>}
          {answer && <Answer answer={answer} />}
          {!answer && !trouble && <p className="labline-Log-note">The answer comes here.</p>}
        </div>
      </div>
      {fault === null && endpoint.address !== null && (
        <Snippets endpoint={endpoint} body={JSON.stringify(JSON.parse(body))} version={version} />
      )}
    </>
  );
}

interface ColumnFieldProps {
  column: Column;
  value: string;
  onChange: (value: string) => void;
}

function Field({ column, value, onChange }: ColumnFieldProps): React.JSX.Element {
  const id = useId();
  const { name, kind, required } = column;
  const same = {
    id,
    value,
    'data-labline-column': name,
    'aria-describedby': `${id}-kind`
  };
  return (
    <>
      <label htmlFor={id}>{name}</label>
      {kind === 'boolean' ? (
        <select {...same} onChange={event => onChange(event.target.value)}>
          {['true', 'false', ...(required ? [] : [''])].map(each => (
            <option key={each}>{each}</option>
          ))}
        </select>
      ) : (
        <input
          {...same}
          type="text"
          autoComplete="off"
          spellCheck={false}
          onChange={event => onChange(event.target.value)}
        />
      )}
      <small id={`${id}-kind`}>{required ? kind : `${kind}, may be left out`}</small>
    </>
  );
}

function Answer({
  answer: { status, version, seconds, document }
}: {
  answer: Prediction;
}): React.JSX.Element {
  const said = (document as { message?: unknown } | null)?.message;
  return (
    <>
      <p role="status" data-labline-answer={status}>
        <b>{status === 200 ? 'Answered' : `Refused (${status})`}</b>
        {version !== null && ` by version ${version}`} in {formatSeconds(seconds)}
      </p>
      {status === 200 ? (
        <pre tabIndex={0} aria-label="The answer" data-labline-prediction="">
          {JSON.stringify(document, null, 2)}
        </pre>
      ) : (
        <Notice kind="error">{typeof said === 'string' ? said : 'It gave no reason.'}</Notice>
      )}
    </>
  );
}

/** The one row of a body as typed; `null` for a body that is something else. */
function fieldsOf(body: Record<string, unknown> | null, columns: readonly Column[]): Fields | null {
  const records = body?.dataframe_records;
  const row: unknown = Array.isArray(records) ? records[0] : null;
  if (typeof row !== 'object' || row === null || columns.length === 0) {
    return null;
  }
  return Object.fromEntries(columns.map(({ name }) => [name, typed((row as Record<string, unknown>)[name])]));
}

function bodyOf(fields: Fields, columns: readonly Column[]): object {
  const given = columns.filter(({ name, required }) => required || (fields[name] ?? '') !== '');
  const row = Object.fromEntries(given.map(({ name, kind }) => [name, sent(fields[name] ?? '', kind)]));
  return { dataframe_records: [row] };
}

function faultOf(body: string): string | null {
  try {
    JSON.parse(body);
    return null;
  } catch (error) {
    return `This is not JSON: ${(error as Error).message}.`;
  }
}
