/* SPDX-License-Identifier: Apache-2.0 */
/*
 * LMDB's pages: a header of 16 bytes (page number 8, padding 2, flags 2, lower
 * and upper end of the free space 2 each), then an offset of 2 bytes for each
 * node, then free space, then the nodes.  A node is 8 bytes of header (low and
 * high half of the data's length or of the child's page number, flags, key
 * length), the key, the data.
 */
#include "index/treecheck.h"

#include <string.h>
#include <unistd.h>

enum {
    HEADER_LEN = 16,
    NODE_LEN = 8,
    PAGE_LEN_MAX = 32768,
    DEPTH_MAX = 32, /* LMDB's own */
    PAGE_BRANCH = 0x01,
    PAGE_LEAF = 0x02,
    PAGE_OVERFLOW = 0x04,
    NODE_BIG = 0x01,
};

/* Pages from the root down to where the walk is. */
struct walk {
    const struct pn_index_tree *tree;
    int fd;
    uint64_t pages_left; /* also ends a walk in circles */
    struct step {
        uint64_t page;
        uint16_t next; /* node to go down */
    } path[DEPTH_MAX];
    uint8_t page[PAGE_LEN_MAX];
};

static uint16_t
u16_at(const uint8_t *at)
{
    return (uint16_t) (at[0] | at[1] << 8);
}

static uint64_t
u64_at(const uint8_t *at)
{
    uint64_t value;

    memcpy(&value, at, sizeof(value));
    return value;
}

static uint16_t
node_count(const uint8_t *page)
{
    return (uint16_t) ((u16_at(page + 12) - HEADER_LEN) / 2);
}

static const uint8_t *
node_at(const uint8_t *page, uint16_t n)
{
    return page + u16_at(page + HEADER_LEN + (size_t) 2 * n);
}

static uint64_t
child_of(const uint8_t *node)
{
    return u16_at(node) | (uint64_t) u16_at(node + 2) << 16
           | (uint64_t) u16_at(node + 4) << 32;
}

static bool
read_page(struct walk *walk, uint64_t number)
{
    uint32_t len = walk->tree->page_len;

    if (number < 2 || number > walk->tree->last_page || walk->pages_left == 0) {
        return false;
    }
    walk->pages_left--;
    return pread(walk->fd, walk->page, len, (off_t) (number * len))
               == (ssize_t) len
           && u64_at(walk->page) == number;
}

/* The pages of a value too large for its leaf. */
static bool
overflow_ok(const struct walk *walk, uint64_t number, uint32_t data_len)
{
    uint8_t header[HEADER_LEN];
    uint32_t len = walk->tree->page_len;
    uint64_t count = ((uint64_t) data_len + HEADER_LEN + len - 1) / len;

    return number >= 2 && number <= walk->tree->last_page
           && count <= walk->tree->last_page - number + 1
           && pread(walk->fd, header, sizeof(header), (off_t) (number * len))
                  == (ssize_t) sizeof(header)
           && u64_at(header) == number && u16_at(header + 10) == PAGE_OVERFLOW;
}

static bool
node_ok(const struct walk *walk, uint16_t n, uint16_t kind)
{
    uint32_t offset = u16_at(walk->page + HEADER_LEN + (size_t) 2 * n);
    uint32_t end = walk->tree->page_len;
    const uint8_t *node = walk->page + offset;

    if (offset < u16_at(walk->page + 14) || offset + NODE_LEN > end) {
        return false;
    }
    uint32_t key_len = u16_at(node + 6);
    uint16_t flags = u16_at(node + 4);
    uint32_t data_len = u16_at(node) | (uint32_t) u16_at(node + 2) << 16;

    if (offset + NODE_LEN + key_len > end) {
        return false;
    }
    if (kind == PAGE_BRANCH) {
        return true; /* its child is checked when it is read */
    }
    if (flags == NODE_BIG) {
        return offset + NODE_LEN + key_len + 8 <= end
               && overflow_ok(walk, u64_at(node + NODE_LEN + key_len),
                              data_len);
    }
    return flags == 0 && data_len <= end
           && offset + NODE_LEN + key_len + data_len <= end;
}

static bool
page_ok(const struct walk *walk, uint16_t kind)
{
    uint16_t lower = u16_at(walk->page + 12), upper = u16_at(walk->page + 14);

    if (u16_at(walk->page + 10) != kind || lower < HEADER_LEN || lower > upper
        || upper > walk->tree->page_len || lower % 2 != 0
        || node_count(walk->page) < (kind == PAGE_BRANCH ? 2 : 1))
    {
        return false;
    }
    for (uint16_t n = 0; n < node_count(walk->page); n++) {
        if (!node_ok(walk, n, kind)) {
            return false;
        }
    }
    return true;
}

/* Check the leaves below the branch page that is in walk->page. */
static bool
leaves_ok(struct walk *walk)
{
    uint64_t children[PAGE_LEN_MAX / (NODE_LEN + 2)];
    uint16_t count = node_count(walk->page);

    for (uint16_t n = 0; n < count; n++) {
        children[n] = child_of(node_at(walk->page, n));
    }
    for (uint16_t n = 0; n < count; n++) {
        if (!read_page(walk, children[n]) || !page_ok(walk, PAGE_LEAF)) {
            return false;
        }
    }
    return true;
}

/* Depth first, one page in memory; a branch page is read once per child. */
static bool
branches_ok(struct walk *walk)
{
    unsigned branch_levels = walk->tree->depth - 1U;
    unsigned level = 0;

    walk->path[0] = (struct step){walk->tree->root, 0};
    for (;;) {
        struct step *step = &walk->path[level];

        if (!read_page(walk, step->page) || !page_ok(walk, PAGE_BRANCH)) {
            return false;
        }
        if (level + 1 == branch_levels) {
            if (!leaves_ok(walk)) {
                return false;
            }
        } else if (step->next < node_count(walk->page)) {
            walk->path[++level] =
                (struct step){child_of(node_at(walk->page, step->next++)), 0};
            continue;
        }
        if (level == 0) {
            return true;
        }
        level--;
    }
}

enum pn_err
pn_index_tree_check(int fd, const struct pn_index_tree *tree)
{
    /* A branch page is read once for itself and once for each child. */
    struct walk walk = {.tree = tree,
                        .fd = fd,
                        .pages_left = tree->pages_max != 0
                                          ? tree->pages_max
                                          : 4 * (tree->last_page + 1)};
    bool ok;

    if (tree->root == UINT64_MAX) {
        return tree->depth == 0 ? PN_OK : PN_E_DAMAGED;
    }
    if (tree->depth == 0 || tree->depth > DEPTH_MAX
        || tree->page_len > PAGE_LEN_MAX)
    {
        return PN_E_DAMAGED;
    }
    if (tree->depth == 1) {
        ok = read_page(&walk, tree->root) && page_ok(&walk, PAGE_LEAF);
    } else {
        ok = branches_ok(&walk);
    }
    return ok || (walk.pages_left == 0 && tree->pages_max != 0) ? PN_OK
                                                                : PN_E_DAMAGED;
}
