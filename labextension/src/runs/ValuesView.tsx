import React from 'react';

import type { Preview, Value } from '../api/types';
import { formatBytes } from '../model/format';

export interface ValuesViewProps {
  values: readonly Value[];
  /** Why there are none here, where that is not because there are none. */
  none: string | null;
}

/** The values that a step handed on. */
export function ValuesView({ values, none }: ValuesViewProps): React.JSX.Element {
  if (values.length === 0) {
    return <p className="labline-Log-note">{none ?? 'The step handed no values on.'}</p>;
  }
  return (
    <ul className="labline-Values">
      {values.map(value => (
        <ValueCard key={value.name} value={value} />
      ))}
    </ul>
  );
}

function ValueCard({ value }: { value: Value }): React.JSX.Element {
  const { name, type, digest, size, shape, preview } = value;
  return (
    <li className="labline-Value" data-labline-value={name}>
      <div className="labline-Value-head">
        <code className="labline-Value-name">{name}</code>
        <span className="labline-Value-type" title={type}>
          {type}
        </span>
        {shape && shape.length > 0 && <span>{shape.join(' × ')}</span>}
        <span>{formatBytes(size)}</span>
        <code className="labline-Value-digest" title={digest}>
          {digest.replace(/^[a-z0-9]+:/, '').slice(0, 10)}
        </code>
      </div>
      <PreviewView preview={preview} name={name} />
    </li>
  );
}

function PreviewView({ preview, name }: { preview: Preview; name: string }): React.JSX.Element | null {
  const { text, columns, rows, truncated } = preview;
  if (columns && rows) {
    return (
      <>
        <div className="labline-Value-scroll" tabIndex={0} role="group" aria-label={`First rows of ${name}`}>
          <table className="labline-Table labline-mod-data">
            <thead>
              <tr>
                {columns.map((column, index) => (
                  <th key={index} scope="col">
                    {column}
                  </th>
                ))}
              </tr>
            </thead>
            <tbody>
              {rows.map((row, index) => (
                <tr key={index}>
                  {row.map((cell, at) => (
                    <td key={at}>{cell}</td>
                  ))}
                </tr>
              ))}
            </tbody>
          </table>
        </div>
        {truncated && <p className="labline-Value-more">Only the beginning is shown.</p>}
      </>
    );
  }
  return text === '' ? null : (
    <pre className="labline-Value-text">
      {text}
      {truncated && ' …'}
    </pre>
  );
}
