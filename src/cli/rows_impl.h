/* SPDX-License-Identifier: Apache-2.0 */
/* What rows.c and rows_csv.c share. */
#ifndef PN_CLI_ROWS_IMPL_H
#define PN_CLI_ROWS_IMPL_H

#include "cli/rows.h"

struct pn_rows {
    FILE *file;
    struct pn_rows_options options;
    uint64_t line, starts_at, bytes, passed;
    char record[PN_ROW_MAX + 1];
    size_t len;
    bool too_long;
    char why[PN_ROW_WHY_MAX];
    /* CSV: where each cell of the record ends, and which column it is */
    size_t end[PN_ROW_COLUMNS_MAX];
    size_t cells;
    const struct pn_rows_column *column[PN_ROW_COLUMNS_MAX];
    size_t columns; /* 0 = their names were not read yet */
};

/* Sets the sentence and returns err. */
PN_MUST_USE enum pn_err pn_rows_wrong(struct pn_rows *rows, enum pn_err err,
                                      const char *format, ...) PN_PRINTF(3, 4);

/* The next byte or EOF; counts lines. */
int pn_rows_byte(struct pn_rows *rows);
void pn_rows_keep(struct pn_rows *rows, int c);
void pn_rows_begin(struct pn_rows *rows);
void pn_rows_skip_mark(struct pn_rows *rows);

PN_MUST_USE enum pn_err pn_rows_next_csv(struct pn_rows *rows,
                                         struct pn_arena *arena, json_t **out);

#endif
