//     npm run story:imageSearch
//     npm run story:imageSearch -- --help
import { imageSearch } from "./stories/imageSearch.ts";
import { tell } from "./teller.ts";

await tell(imageSearch);
