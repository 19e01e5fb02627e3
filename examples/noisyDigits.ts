//     npm run story:noisyDigits
//     npm run story:noisyDigits -- --help
import { noisyDigits } from "./stories/noisyDigits.ts";
import { tell } from "./teller.ts";

await tell(noisyDigits);
