import { Connects } from "../Connects.jsx";

export default function Page() {
  return <Connects />;
}
