import { adaptiveSoftmax } from "./adaptiveSoftmax.ts";
import { hardestWrong } from "./hardestWrong.ts";
import { imageSearch } from "./imageSearch.ts";
import { noisyDigits } from "./noisyDigits.ts";
import { spamFilter } from "./spamFilter.ts";
import type { Story } from "./story.ts";

export const stories: readonly Story[] = [noisyDigits, spamFilter, imageSearch, adaptiveSoftmax, hardestWrong];
