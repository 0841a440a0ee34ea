/* SPDX-License-Identifier: Apache-2.0 */
/*
 * DIR/current: one 4 KiB page that tells readers which generation to read and
 * when the writer was last alive (docs/formats/index.md).  Made once, never
 * replaced; readers map it read-only, the writer changes whole words in it.
 */
#ifndef PN_INDEX_PAGE_H
#define PN_INDEX_PAGE_H

#include <stdatomic.h>
#include <sys/types.h>

#include "base/defs.h"

enum { PN_INDEX_PAGE_LEN = 4096, PN_INDEX_BOOT_ID_LEN = 16 };

#define PN_INDEX_PAGE_MAGIC "PNINDEX\n"

/* Little-endian machines only, as LMDB's own files are of the machine. */
struct pn_index_page {
    char magic[8];
    uint32_t format;
    uint32_t page_len;
    _Atomic uint64_t generation; /* 0 = none yet */
    _Atomic uint64_t epoch;
    _Atomic uint64_t policy_version;
    _Atomic uint64_t beat_boot_ms; /* CLOCK_BOOTTIME */
    _Atomic int64_t beat_wall;     /* Unix seconds, for people */
    _Atomic uint32_t stale_after_s;
    uint32_t unused;
    _Atomic uint64_t boot_id[PN_INDEX_BOOT_ID_LEN / 8];
    uint8_t zero[PN_INDEX_PAGE_LEN - 80];
};

_Static_assert(sizeof(struct pn_index_page) == PN_INDEX_PAGE_LEN,
               "the page has a fixed layout");

/* Can this be read?  PN_E_VERSION for another format, PN_E_DAMAGED. */
PN_MUST_USE enum pn_err pn_index_page_check(struct pn_str bytes);

/* What a heartbeat is compared with: this boot, and milliseconds since. */
struct pn_index_boot {
    uint64_t id[PN_INDEX_BOOT_ID_LEN / 8];
};

/* Where the kernel tells no boot id (no /proc), an id of zeros. */
void pn_index_boot_read(struct pn_index_boot *out);
uint64_t pn_index_boot_ms(void);

/* Too long since the last heartbeat?  Never, where the page sets no limit. */
bool pn_index_page_is_stale(const struct pn_index_page *page,
                            const struct pn_index_boot *boot, uint64_t now_ms);

/* A mapped page, and which file it is. */
struct pn_index_map {
    struct pn_index_page *page; /* readers: read-only memory */
    uint64_t device, inode;
};

/*
 * Map DIR/current for reading.  Truncated, foreign and damaged files are
 * refused before anything is mapped.
 */
PN_MUST_USE enum pn_err pn_index_map_open(const char *dir,
                                          struct pn_index_map *out);

/* Is DIR/current still the file that is mapped? */
bool pn_index_map_is_current(const struct pn_index_map *map, const char *dir);

/*
 * Map DIR/current for writing.  One that is missing is made; one that no
 * reader can use is laid out anew in place, with generation 0.  gid as in
 * index/files.h.
 */
PN_MUST_USE enum pn_err pn_index_map_create(const char *dir, gid_t gid,
                                            struct pn_index_map *out);
void pn_index_map_done(struct pn_index_map *map); /* zeroed is fine */

#endif
