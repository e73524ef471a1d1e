/**
 * What `promise` gives, or `fallback` when that takes longer than `deadlineMs`. The promise itself goes on; if it fails later,
 * nobody hears of it.
 * @throws what the promise rejects with in time
 */
export async function within<T>(promise: Promise<T>, deadlineMs: number, fallback: T): Promise<T> {
  let timer: NodeJS.Timeout | undefined;
  const deadline = new Promise<T>((resolve) => {
    timer = setTimeout(resolve, deadlineMs, fallback);
  });
  try {
    return await Promise.race([promise, deadline]);
  } finally {
    clearTimeout(timer);
  }
}
