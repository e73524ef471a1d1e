import { UnderstudyError } from '#libs/contracts';

/** Whether a client may still be used. */
export class OpenState {
  #isOpen = true;

  close(): void {
    this.#isOpen = false;
  }

  /**
   * @param jobId of the job that is waited for
   * @throws UnderstudyError `client_closed`
   */
  assert(jobId?: string): void {
    if (this.#isOpen) return;
    const fate = jobId === undefined ? '' : `; job ${jobId} goes on, and its result can be fetched by another one`;
    throw new UnderstudyError(
      'client_closed',
      `This client was closed, by close() or when its application stopped: make a new one, or close it later${fate}`,
      { jobId },
    );
  }
}
