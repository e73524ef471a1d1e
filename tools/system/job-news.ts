type Fields = Readonly<Record<string, unknown>>;

/** Something that happens to many jobs in the same way, and is told for all of them together. */
export interface JobNews {
  /** The same for what is told together. */
  key: string;
  sentence: (jobs: number) => string;
}

/** Reads the router's lines about single jobs; undefined for any other line. */
export function jobNews(fields: Fields): JobNews | undefined {
  switch (fields['event']) {
    case 'llm.failover':
      return failover(fields);
    case 'llm.job.parked':
      return parked(fields);
    case 'llm.job.failed':
      return failed(fields);
    default:
      return undefined;
  }
}

function failover({ from, to, reason, status }: Fields): JobNews {
  const why = typeof status === 'number' ? `${String(reason)}, ${status}` : String(reason);
  const way = `${String(from)} → ${String(to)} (${why})`;
  return { key: `failover ${way}`, sentence: (jobs) => `${count(jobs)} failed over ${way}` };
}

function parked({ pause_ms: pauseMs }: Fields): JobNews {
  const seconds = Math.ceil(Number(pauseMs) / 1000);
  const next = Number.isFinite(seconds) ? `; next try in ${seconds} s` : '';
  return {
    key: 'parked',
    sentence: (jobs) => `${count(jobs)} ${jobs === 1 ? 'waits' : 'wait'}: every target failed${next}`,
  };
}

function failed({ code, field, last_failure: failure, last_status: status }: Fields): JobNews {
  let end = String(code);
  if (typeof field === 'string') end += ` (${field})`;
  else if (typeof failure === 'string')
    end += ` (last attempt: ${typeof status === 'number' ? `${failure}, ${status}` : failure})`;
  return { key: `failed ${end}`, sentence: (jobs) => `${count(jobs)} ended with ${end}` };
}

const count = (jobs: number) => (jobs === 1 ? '1 job' : `${jobs} jobs`);
