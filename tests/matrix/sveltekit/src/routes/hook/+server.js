import { handle } from "../../../shop.js";

export const POST = ({ request, platform }) => handle(request, platform?.ctx);
