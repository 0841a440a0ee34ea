/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Data for people and programs, on standard output.
 */
#ifndef PN_CLI_PRINT_H
#define PN_CLI_PRINT_H

#include "base/json.h"
#include "cli/cli.h"

enum { PN_COLUMNS_MAX = 10 };

/* One column: its heading, and the member of each item (a path with dots,
 * "last_used.at") or a function that makes the cell. */
struct pn_column {
    const char *heading;
    const char *member;
    const char *(*cell)(struct pn_cli *cli, const json_t *item);
};

/* An aligned table of a JSON array, headings in bold on a terminal unless
 * NO_COLOR is set.  Columns end with a heading of NULL. */
void pn_print_table(struct pn_cli *cli, const struct pn_column *columns,
                    const json_t *items);

/* "name  value" lines, for one object. */
void pn_print_fields(struct pn_cli *cli, const struct pn_column *columns,
                     const json_t *item);

/* A document {"items": …} as table or, with --json, as it is; "none" goes to
 * standard error when the table would be empty. */
void pn_print_list(struct pn_cli *cli, const struct pn_column *columns,
                   const json_t *list, const char *none);

/* One object as fields or, with --json, as it is. */
void pn_print_object(struct pn_cli *cli, const struct pn_column *columns,
                     const json_t *object);

/* The members of its "warnings", on standard error. */
void pn_print_warnings(struct pn_cli *cli, const json_t *doc);

/* The document, indented. */
void pn_print_json(const json_t *doc);

/* A value as a person reads it: "-" for null, "a, b" for lists, "yes"/"no",
 * otherwise compact JSON.  Arena. */
const char *pn_print_value(struct pn_cli *cli, const json_t *value);

/* The member at a path with dots; NULL when it is not there. */
const json_t *pn_json_at(const json_t *object, const char *path);

/* A string member or "". */
const char *pn_json_text(const json_t *object, const char *path);

#endif
