//     npm run story:hardestWrong
//     npm run story:hardestWrong -- --help
import { hardestWrong } from "./stories/hardestWrong.ts";
import { tell } from "./teller.ts";

await tell(hardestWrong);
