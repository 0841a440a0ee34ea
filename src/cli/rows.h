/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Rows of a file to import: CSV (RFC 4180, a first line of column names), JSON
 * lines, and htpasswd.  Each becomes the JSON object that POST /import takes.
 *
 * A row that cannot be read is told by its line and why, and the next one is
 * read all the same.  The file is somebody else's: every length has a maximum.
 * Not for two threads at once.
 */
#ifndef PN_CLI_ROWS_H
#define PN_CLI_ROWS_H

#include <stdio.h>

#include "base/arena.h"
#include "base/buf.h"
#include "base/json.h"

enum {
    PN_ROW_MAX = 64 << 10, /* bytes of one row */
    PN_ROW_COLUMNS_MAX = 64,
    PN_ROW_WHY_MAX = 200,
};

enum pn_rows_format { PN_ROWS_CSV = 0, PN_ROWS_JSONL, PN_ROWS_HTPASSWD };
enum pn_rows_kind { PN_ROWS_USERS = 0, PN_ROWS_GROUPS, PN_ROWS_TOKENS };

struct pn_rows_options {
    enum pn_rows_format format;
    enum pn_rows_kind kind;
    char delimiter; /* of CSV; '\0' = comma */
    enum { PN_WITH_PASSWORDS = 0, PN_WITHOUT_PASSWORDS } passwords;
};

struct pn_rows;

/* Lines are read from file, which stays the caller's. */
PN_MUST_USE enum pn_err pn_rows_new(FILE *file,
                                    const struct pn_rows_options *options,
                                    struct pn_rows **out);
void pn_rows_free(struct pn_rows *rows); /* NULL is fine */

/*
 * The next row, in the arena; *line is where it begins, from 1.
 * PN_E_NOT_FOUND at the end.  PN_E_SYNTAX: this row cannot be read, and
 * pn_rows_why() says why.  PN_E_RANGE: nor can any after it (the column names
 * are wrong).  PN_E_IO, PN_E_NOMEM.
 */
PN_MUST_USE enum pn_err pn_rows_next(struct pn_rows *rows,
                                     struct pn_arena *arena, json_t **out,
                                     uint64_t *line);
const char *pn_rows_why(const struct pn_rows *rows);

/* Bytes read so far, for a progress. */
uint64_t pn_rows_bytes(const struct pn_rows *rows);

/* Rows of an export that are of another kind, and were passed over. */
uint64_t pn_rows_passed(const struct pn_rows *rows);

/* Columns of CSV, by kind; ends with a name of NULL. */
struct pn_rows_column {
    const char *name;
    enum {
        PN_CELL_TEXT = 0,
        PN_CELL_LIST,    /* apart by ";" */
        PN_CELL_BOOL,    /* true, false, yes, no, 1, 0 */
        PN_CELL_INSTANT, /* RFC 3339, or "never" */
        PN_CELL_RATE,    /* REQUESTS/SECONDS */
        PN_CELL_RANGES,  /* addresses that may use a token, apart by ";" */
    } cell;
};
extern const struct pn_rows_column *const pn_rows_columns[];

/* The same for a row that is written: a cell of CSV for a member of a
 * document, quoted where it must be. */
void pn_rows_write_cell(struct pn_buf *out, const json_t *doc,
                        const struct pn_rows_column *column, char delimiter);

#endif
