import { blankRequest, type RequestDraft } from "./request";
import type { RequestRun } from "./requestRun";

export type AnswerView = "grid" | "json";

/** The open request of one connection: its draft, its last run and how the answer is shown. */
export class RequestTab {
  readonly run: RequestRun;
  draft: RequestDraft = blankRequest;

  constructor(run: RequestRun) {
    this.run = run;
  }
}
