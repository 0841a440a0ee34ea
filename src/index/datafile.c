/* SPDX-License-Identifier: Apache-2.0 */
/*
 * LMDB's file format, version 1, as far as its two header pages go.  Offsets
 * are of 64-bit machines (docs/formats/index.md).
 */
#include "index/datafile.h"

#include <sys/stat.h>
#include <unistd.h>

#include "base/cursor.h"
#include "index/files.h"
#include "index/treecheck.h"

enum {
    META_VERSION = 1,
    META_LEN = 152, /* page header 16, then the struct itself */
    META_FLAG = 0x08,
    PAGE_LEN_MIN = 512,
    PAGE_LEN_MAX = 32768,
    META_PAGES = 2,
};

static const uint32_t meta_magic = 0xBEEFC0DE;

struct meta {
    uint32_t page_len;
    uint64_t last_page, txn_id;
    uint64_t root; /* UINT64_MAX = empty */
    uint16_t depth;
};

static enum pn_err
meta_decode(const uint8_t bytes[META_LEN], struct meta *out)
{
    struct pn_cursor cur = pn_cursor_from(bytes, META_LEN);
    struct meta meta = {0};
    uint16_t flags;

    (void) pn_cursor_bytes(&cur, 10); /* page number, padding */
    flags = pn_cursor_u16(&cur);
    (void) pn_cursor_u32(&cur); /* free space */
    if ((flags & META_FLAG) == 0 || pn_cursor_u32(&cur) != meta_magic) {
        return PN_E_DAMAGED;
    }
    if (pn_cursor_u32(&cur) != META_VERSION) {
        return PN_E_VERSION;
    }
    (void) pn_cursor_u64(&cur); /* fixed address */
    (void) pn_cursor_u64(&cur); /* size of the map */
    meta.page_len = pn_cursor_u32(&cur);
    (void) pn_cursor_bytes(&cur, 44); /* the rest of the list of free pages */
    (void) pn_cursor_bytes(&cur, 6);  /* the tree's flags */
    meta.depth = pn_cursor_u16(&cur);
    (void) pn_cursor_bytes(&cur, 32); /* its numbers of pages, entries */
    meta.root = pn_cursor_u64(&cur);
    meta.last_page = pn_cursor_u64(&cur);
    meta.txn_id = pn_cursor_u64(&cur);
    if (cur.bad || meta.page_len < PAGE_LEN_MIN || meta.page_len > PAGE_LEN_MAX
        || (meta.page_len & (meta.page_len - 1)) != 0
        || meta.last_page + 1 < META_PAGES)
    {
        return PN_E_DAMAGED;
    }
    *out = meta;
    return PN_OK;
}

static bool
meta_fits(const struct meta *meta, uint64_t file_len)
{
    uint64_t pages = file_len / meta->page_len;

    return meta->last_page < pages
           && (meta->root == UINT64_MAX || meta->root <= meta->last_page);
}

static enum pn_err
meta_read(int fd, uint64_t offset, struct meta *out)
{
    uint8_t bytes[META_LEN];

    if (pread(fd, bytes, sizeof(bytes), (off_t) offset)
        != (ssize_t) sizeof(bytes)) {
        return PN_E_DAMAGED;
    }
    return meta_decode(bytes, out);
}

enum pn_err
pn_index_datafile_check(int fd)
{
    struct meta meta[META_PAGES];
    struct stat st;
    enum pn_err err;

    err = meta_read(fd, 0, &meta[0]);
    if (err == PN_OK) {
        err = meta_read(fd, meta[0].page_len, &meta[1]);
    }
    if (err != PN_OK) {
        return err;
    }
    /* The length last: a writer at work lengthens the file before it writes
     * the header that counts the new pages, and the file never shrinks. */
    if (fstat(fd, &st) != 0) {
        return pn_index_errno();
    }
    if (!S_ISREG(st.st_mode)) {
        return PN_E_DAMAGED;
    }
    /* The younger header counts, and both describe the same kind of file. */
    const struct meta *used =
        meta[1].txn_id > meta[0].txn_id ? &meta[1] : &meta[0];

    return meta[0].page_len == meta[1].page_len
                   && meta_fits(used, (uint64_t) st.st_size)
               ? PN_OK
               : PN_E_DAMAGED;
}

enum pn_err
pn_index_datafile_check_tree(int fd, uint64_t txn_id, uint64_t pages_max)
{
    struct meta meta;
    uint64_t offset = 0;

    for (int i = 0; i < META_PAGES; i++) {
        enum pn_err err = meta_read(fd, offset, &meta);

        if (err != PN_OK) {
            return err;
        }
        if (meta.txn_id == txn_id) {
            return pn_index_tree_check(
                fd, &(struct pn_index_tree){.page_len = meta.page_len,
                                            .last_page = meta.last_page,
                                            .root = meta.root,
                                            .depth = meta.depth,
                                            .pages_max = pages_max});
        }
        offset = meta.page_len;
    }
    return PN_E_BUSY;
}
