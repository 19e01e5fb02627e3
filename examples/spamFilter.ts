//     npm run story:spamFilter
//     npm run story:spamFilter -- --help
import { spamFilter } from "./stories/spamFilter.ts";
import { tell } from "./teller.ts";

await tell(spamFilter);
