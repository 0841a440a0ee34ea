/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Small files: read whole, written whole and at once.
 */
#ifndef PN_CLI_FILES_H
#define PN_CLI_FILES_H

#include <stdio.h>

#include "base/arena.h"
#include "base/defs.h"

enum { PN_FILE_MAX = 1 << 20 };

/*
 * All of a file; "-" is standard input.  PN_E_IO with errno, PN_E_TOO_LONG
 * over max, PN_E_NOMEM.  The text lives in the arena, with a NUL behind it.
 */
PN_MUST_USE enum pn_err pn_file_read(const char *path, size_t max,
                                     struct pn_arena *arena,
                                     struct pn_str *out);

/* Replaces path by a new file of that mode, or leaves it as it was. PN_E_IO. */
PN_MUST_USE enum pn_err pn_file_write(const char *path, unsigned mode,
                                      struct pn_str text);

/* Creates a new file; PN_E_EXISTS when there is one, PN_E_IO. */
PN_MUST_USE enum pn_err pn_file_create(const char *path, unsigned mode,
                                       struct pn_str text);

/* Lines of an open file, which is rewound; 0 for what is no file. */
uint64_t pn_file_lines(FILE *file);

/* True when something has this name, also a dangling link. */
bool pn_file_there(const char *path);

/* mkdir with parents (those are 0755); an existing directory keeps its mode.
 * PN_E_IO. */
PN_MUST_USE enum pn_err pn_dir_make(const char *path, unsigned mode);

#endif
