import React, { useState } from 'react';

import type { Finding, Suggestion } from '../api/types';
import { ApiError } from '../api/client';
import { LazyGraph } from '../graph';
import { stepLooks } from '../graph/looks';
import { hues } from '../model/colours';
import { formatSeconds } from '../model/format';
import type { NotebookPipeline } from '../model/pipeline';
import { useStateOf } from '../ui/hooks';
import { ActionButton, Empty } from '../ui/parts';
import { Findings } from './Findings';

export interface SuggestionViewProps {
  pipeline: NotebookPipeline;
  reveal: (cell: string) => void;
}

const NO_CODE = 'LL007'; // of a notebook in which there is nothing to run

type Outcome = { suggestion: Suggestion } | { message: string; findings: readonly Finding[] };

/** For a notebook without steps: how to tag it by hand, and a proposal that one click accepts. */
export function SuggestionView({ pipeline, reveal }: SuggestionViewProps): React.JSX.Element {
  const [asking, setAsking] = useState(false);
  const [outcome, setOutcome] = useStateOf<Outcome | null>(pipeline, 'suggestion', null);
  const ask = async () => {
    setAsking(true);
    try {
      setOutcome({ suggestion: await pipeline.suggest() });
    } catch (error) {
      const findings = error instanceof ApiError ? error.findings : [];
      setOutcome({ message: error instanceof Error ? error.message : String(error), findings });
    }
    setAsking(false);
  };
  if (outcome !== null && 'suggestion' in outcome) {
    return (
      <Proposal
        suggestion={outcome.suggestion}
        reveal={reveal}
        accept={() => {
          setOutcome(null);
          pipeline.apply(outcome.suggestion.edit);
        }}
        dismiss={() => setOutcome(null)}
      />
    );
  }
  if (pipeline.findings.some(({ code }) => code === NO_CODE)) {
    return <Empty title="No code yet">Write some in a code cell; then its steps can be named here.</Empty>;
  }
  return (
    <>
      <Empty title="No steps yet">
        Click <b>+ step</b> above a code cell and type a name. The cells from there on form the step, up to
        the next one you name.
        {pipeline.graph !== null && ' As it stands, the whole notebook is one step.'}
      </Empty>
      <div className="labline-Suggestion-ask">
        <ActionButton
          action="suggest"
          onClick={() => void ask()}
          disabled={asking}
          title="Propose steps from the headings and from what flows between the cells"
        >
          {asking ? 'Looking…' : 'Suggest steps'}
        </ActionButton>
        {outcome !== null && <p role="alert">{outcome.message}</p>}
        {outcome !== null && outcome.findings.length > 0 && <Findings findings={outcome.findings} />}
      </div>
    </>
  );
}

interface ProposalProps {
  suggestion: Suggestion;
  reveal: (cell: string) => void;
  accept: () => void;
  dismiss: () => void;
}

function Proposal({ suggestion, reveal, accept, dismiss }: ProposalProps): React.JSX.Element {
  const { pipeline, steps, cells, gains } = suggestion;
  const [selected, setSelected] = useState<string | null>(null);
  const looks = stepLooks(pipeline, [], [], hues(steps.map(step => step.name)), 0);
  const select = (name: string) => {
    setSelected(name);
    const first = cells.find(cell => cell.step === name);
    if (first) {
      reveal(first.id);
    }
  };
  return (
    <section
      className="labline-Suggestion"
      data-labline-suggestion={steps.length}
      aria-label="Suggested steps"
    >
      <div className="labline-Suggestion-head">
        <h3>{steps.length === 1 ? 'One step suggested' : `${steps.length} steps suggested`}</h3>
        <ActionButton
          action="accept"
          kind="primary"
          onClick={accept}
          title="Write the tags into the notebook"
        >
          Accept
        </ActionButton>
        <ActionButton action="dismiss-suggestion" onClick={dismiss}>
          Dismiss
        </ActionButton>
      </div>
      <LazyGraph
        graph={pipeline}
        looks={looks}
        selected={selected}
        onSelect={select}
        stale={false}
        maxHeight={Math.max(280, window.innerHeight * 0.45)}
      />
      <ul className="labline-Suggestion-gains">
        {gains.map(gain => (
          <li key={gain}>{gain}</li>
        ))}
      </ul>
      <table className="labline-Suggestion-cells">
        <thead>
          <tr>
            <th scope="col">What</th>
            <th scope="col">Cells</th>
            <th scope="col">Took</th>
          </tr>
        </thead>
        <tbody>
          {cells
            .filter(cell => cell.role !== 'step')
            .map(cell => (
              <tr key={cell.id} title={cell.reason}>
                <td>{cell.role}</td>
                <td>{cell.index + 1}</td>
                <td />
              </tr>
            ))}
          {steps.map(step => (
            <tr key={step.name} title={step.heading ?? undefined}>
              <td>
                <code>{step.name}</code>
              </td>
              <td>{step.cells.map(index => index + 1).join(', ')}</td>
              <td>{step.seconds === null ? '' : formatSeconds(step.seconds)}</td>
            </tr>
          ))}
        </tbody>
      </table>
    </section>
  );
}
