/* SPDX-License-Identifier: Apache-2.0 */
/*
 * cmocka, with the headers it wants first, and tables of cases.
 *
 * A table is a text file: one case a line, fields apart by blanks, from "#"
 * to the end a comment.  In a field "\s" is a space, "\xNN" a byte, "\\" a
 * backslash; "" is an empty field.
 */
#ifndef PN_TESTS_CHECK_H
#define PN_TESTS_CHECK_H

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "base/defs.h"
#include "base/str.h"

enum { CASE_FIELDS = 8, CASE_LINE = 4096 };

static inline size_t
unescape_one(const char *from, char *to)
{
    if (from[0] == '\\' && from[1] == 'x') {
        const char digits[] = {from[2], from[3], '\0'};

        *to = (char) (uint8_t) strtoul(digits, NULL, 16);
        return 4;
    }
    if (from[0] == '\\') {
        *to = from[1] == 's' ? ' ' : from[1];
        return 2;
    }
    *to = from[0];
    return 1;
}

/* Fields of line, unescaped in place; how many. */
static inline size_t
case_split(char *line, struct pn_str field[CASE_FIELDS])
{
    size_t count = 0;

    for (char *at = line; count < CASE_FIELDS; count++) {
        char *to, *start;

        at += strspn(at, " \t\n");
        if (*at == '\0' || *at == '#') {
            break;
        }
        const bool empty =
            strncmp(at, "\"\"", 2) == 0 && strcspn(at, " \t\n") == 2;

        start = to = at;
        while (*at != '\0' && strchr(" \t\n", *at) == NULL) {
            at += unescape_one(at, to++);
        }
        field[count] =
            (struct pn_str){start, empty ? 0 : (size_t) (to - start)};
    }
    return count;
}

/*
 * Ask holds() about every line of the table at path, each of which must have
 * this many fields.  All lines are tried; then the test fails if one did not
 * hold, or if there was none.
 */
static inline void
check_cases(const char *path, size_t fields,
            bool (*holds)(const struct pn_str *field))
{
    char line[CASE_LINE];
    struct pn_str field[CASE_FIELDS];
    unsigned number = 0, held = 0, broken = 0;
    FILE *f = fopen(path, "r");

    assert_non_null(f);
    while (fgets(line, sizeof(line), f) != NULL) {
        size_t count = case_split(line, field);

        number++;
        if (count == 0) {
            continue;
        }
        if (count == fields && holds(field)) {
            held++;
        } else {
            printf("# %s:%u does not hold\n", path, number);
            broken++;
        }
    }
    (void) fclose(f);
    assert_int_equal(broken, 0);
    assert_int_not_equal(held, 0);
}

#endif
