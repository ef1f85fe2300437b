/** The commands `zerogpu node …`: the edge node as people run it on a laptop or server. */
export async function runNodeCommand(args: readonly string[]): Promise<number> {
  console.log(args);
  return 0;
}
