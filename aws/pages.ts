/** Lists that AWS gives out page by page. */

/** No list that we read is longer in any account that works; one that is, is cut rather than read for minutes. */
const mostItems = 1000;

export async function itemsOf<Page, Item>(
  pages: AsyncIterable<Page>,
  pick: (page: Page) => Item[] | undefined,
  most = mostItems,
): Promise<Item[]> {
  const items: Item[] = [];
  for await (const page of pages) {
    items.push(...(pick(page) ?? []));
    if (items.length >= most) break;
  }
  return items.slice(0, most);
}
