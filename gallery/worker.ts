// What the pages and their workers have in common.

/** What an error says. */
export const messageOf = (error: unknown) => (error instanceof Error ? error.message : String(error));

/** Starts a worker whose file is beside the page, not one of Vite's making: see build.ts. */
export function startWorker<Message>(file: string, hear: (message: Message) => void, fail: (message: string) => void): Worker {
  const worker = new Worker(new URL(file, document.baseURI), { type: "module" });
  // A file that cannot be loaded has no message.
  worker.addEventListener("error", (event) => fail(event.message || `${file} could not be loaded`));
  worker.addEventListener("message", ({ data }: MessageEvent<Message>) => hear(data));
  return worker;
}
