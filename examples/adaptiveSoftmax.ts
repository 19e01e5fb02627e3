//     npm run story:adaptiveSoftmax
//     npm run story:adaptiveSoftmax -- --help
import { adaptiveSoftmax } from "./stories/adaptiveSoftmax.ts";
import { tell } from "./teller.ts";

await tell(adaptiveSoftmax);
