/** Closes all of them, also when some cannot be closed: of two nodes one may be away. What is closed is taken out. Rejects with the first failure. */
export async function closeAll(open: Set<{ close(): Promise<void> }>): Promise<void> {
  const closed = await Promise.allSettled(
    [...open].map(async (each) => {
      await each.close();
      open.delete(each);
    }),
  );
  const failed = closed.find((each) => each.status === 'rejected');
  if (failed) throw failed.reason;
}
