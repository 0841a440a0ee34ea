/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Names and rights of the files of an index (docs/formats/index.md).
 */
#ifndef PN_INDEX_FILES_H
#define PN_INDEX_FILES_H

#include <sys/types.h>

#include "base/defs.h"

enum {
    PN_INDEX_DIR_MAX = 3072,
    PN_INDEX_PATH_MAX = PN_INDEX_DIR_MAX + 64,
    PN_INDEX_DIR_MODE = 0750,
    PN_INDEX_DATA_MODE = 0640, /* readers read */
    PN_INDEX_LOCK_MODE = 0660, /* readers enter themselves in its table */
};

/* What errno means to us. */
enum pn_err pn_index_errno(void);

/* DIR/name and DIR/<generation>/name; name NULL = the directory itself.
 * dir was checked to be at most PN_INDEX_DIR_MAX. */
void pn_index_path(char out[PN_INDEX_PATH_MAX], const char *dir,
                   const char *name);
void pn_index_generation_path(char out[PN_INDEX_PATH_MAX], const char *dir,
                              uint64_t generation, const char *name);

PN_MUST_USE enum pn_err pn_index_sync_dir(const char *path);

/*
 * Make a directory 0750 if it is missing.  gid (gid_t) -1 leaves the group; a
 * group that we may not give is left as well: pn_index_give says whether.
 */
PN_MUST_USE enum pn_err pn_index_make_dir(const char *path, gid_t gid);

/* Set mode and, unless it is (gid_t) -1, group. */
PN_MUST_USE enum pn_err pn_index_give(const char *path, mode_t mode, gid_t gid);

/* PN_E_RANGE for a group that does not exist; NULL = (gid_t) -1. */
PN_MUST_USE enum pn_err pn_index_group(const char *name, gid_t *out);

/* The number of a generation's directory name, or 0. */
uint64_t pn_index_generation_of(const char *name);

/* Remove DIR/<generation>/ with the files of ours in it. */
void pn_index_remove_generation(const char *dir, uint64_t generation);

/* The largest generation that has a directory, 0 when there is none. */
PN_MUST_USE enum pn_err pn_index_last_generation(const char *dir,
                                                 uint64_t *out);

#endif
