import { Code } from "@connectrpc/connect";
import { PosternError, toPosternError } from "./errors.js";

/**
 * Reads a streaming call. Aborting the signal cancels the call, and so does no longer reading it: Connect
 * by itself leaves a call running whose caller breaks out of its loop. Throws only PosternError.
 */
export async function* cancellable<T>(
  open: (signal: AbortSignal) => AsyncIterable<T>,
  signal: AbortSignal | undefined,
): AsyncGenerator<T, void, undefined> {
  const call = new AbortController();
  const abort = () => call.abort();
  signal?.addEventListener("abort", abort, { once: true });
  if (signal?.aborted) abort();
  try {
    yield* open(call.signal);
  } catch (thrown) {
    throw signal?.aborted ? cancelled(signal) : toPosternError(thrown);
  } finally {
    signal?.removeEventListener("abort", abort);
    abort();
  }
}

/** Whatever the reason, an aborted call is a cancelled one: `AbortSignal.timeout` gives another error than `abort()`. */
function cancelled(signal: AbortSignal): PosternError {
  return new PosternError(Code.Canceled, "the call was cancelled", { cause: signal.reason });
}

/**
 * Checks that a stream has one part of the kind `first`, any number of others and one summary. Without a summary the
 * stream was cut short, so its result must not look complete.
 */
export async function* inOrder<P extends { kind: string }>(
  parts: AsyncIterable<P>,
  first: P["kind"],
): AsyncGenerator<P, void, undefined> {
  let last: P["kind"] | null = null;
  for await (const part of parts) {
    const expected = part.kind === first ? last === null : last !== null && last !== "summary";
    if (!expected) throw new PosternError(Code.Internal, `unexpected part: ${part.kind}`);
    last = part.kind;
    yield part;
  }
  if (last !== "summary") throw new PosternError(Code.DataLoss, "the result ended early");
}
