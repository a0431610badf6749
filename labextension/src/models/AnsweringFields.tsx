import React from 'react';

import { answeringFaults, type Answering } from '../endpoints/answering';
import { Choice, TextField } from '../ui/fields';

export interface AnsweringFieldsProps {
  value: Answering;
  onChange: (value: Answering) => void;
}

/** Protocols, engine and logs of an endpoint. */
export function AnsweringFields({ value, onChange }: AnsweringFieldsProps): React.JSX.Element {
  const faults = answeringFaults(value);
  const bind = (name: keyof Answering) => ({
    name,
    value: value[name],
    fault: faults[name],
    onChange: (text: string) => onChange({ ...value, [name]: text })
  });
  return (
    <>
      <Choice
        {...bind('grpc')}
        label="gRPC"
        choices={[
          ['', 'as it is (at first: no)'],
          ['on', 'yes, on a port of its own'],
          ['off', 'no']
        ]}
      />
      <TextField
        {...bind('onnx')}
        label="ONNX within"
        unit="that scores may be off; 0: without ONNX"
        hint="as it is"
      />
      <Choice
        {...bind('accessLog')}
        label="Access log"
        choices={[
          ['', 'as it is (at first: no)'],
          ['on', 'a line for each request'],
          ['off', 'no']
        ]}
      />
      <TextField
        {...bind('kept')}
        label="Keep"
        unit="% of requests and answers; at first none"
        hint="as it is"
      />
    </>
  );
}
