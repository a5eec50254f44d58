import { Connects } from "../../Connects.jsx";

export default function Home() {
  return <Connects />;
}
