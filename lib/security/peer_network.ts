/**
 * Where a connection comes from, as far as it says who is there: one address for IPv4, a network of 64 bits for IPv6, of
 * which one customer has all addresses, and this machine as a whole.
 *
 * @module
 */

/** This machine: loopback, and unix sockets. */
export const THIS_MACHINE = "this machine";

/**
 * The network of a peer.
 *
 * @param hostname an address as the system writes it; `undefined` for a unix socket
 */
export function networkOf(hostname: string | undefined): string {
  if (hostname === undefined) return THIS_MACHINE;
  const address = /^(?:::ffff:)?(\d+\.\d+\.\d+\.\d+)$/i.exec(hostname)?.[1];
  if (address !== undefined) return address.startsWith("127.") ? THIS_MACHINE : address;
  const groups = groupsOf(hostname);
  if (groups.slice(0, 7).every((group) => group === "0") && groups[7] === "1") return THIS_MACHINE;
  return `${groups.slice(0, 4).join(":")}::/64`;
}

/** The eight groups of an IPv6 address, without leading zeros. */
function groupsOf(hostname: string): string[] {
  const [front = [], back = []] = hostname.replace(/%.*$/, "").toLowerCase().split("::").map((half) =>
    half === "" ? [] : half.split(":").map((group) => group.replace(/^0+(?=.)/, ""))
  );
  const zeros = Array.from({ length: Math.max(0, 8 - front.length - back.length) }, () => "0");
  return [...front, ...zeros, ...back];
}
