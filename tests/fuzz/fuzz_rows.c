/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Files to import.  The first byte says which format and kind; every row that
 * is read is an object, and what is refused says why in text that can be shown.
 */
#include <assert.h>
#include <stdlib.h>
#include <string.h>

#include "base/str.h"
#include "cli/rows.h"

enum { ARENA_MAX = 64 << 20 };

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void
read_all(struct pn_rows *rows, size_t size)
{
    enum pn_err err;

    do {
        struct pn_arena *arena = pn_arena_new(ARENA_MAX);
        json_t *row = NULL;
        uint64_t line = 0;

        assert(arena != NULL);
        err = pn_rows_next(rows, arena, &row, &line);
        if (err == PN_OK) {
            assert(json_is_object(row));
        } else if (err == PN_E_SYNTAX) {
            assert(pn_rows_why(rows)[0] != '\0');
            assert(!pn_str_has_control(pn_str_from(pn_rows_why(rows))));
        }
        assert(line <= size + 1);
        pn_arena_free(arena);
    } while (err == PN_OK || err == PN_E_SYNTAX);
    assert(err == PN_E_NOT_FOUND || err == PN_E_RANGE);
}

int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    struct pn_rows_options options = {.format = PN_ROWS_CSV};
    struct pn_rows *rows = NULL;
    FILE *file;

    if (size < 2) {
        return 0;
    }
    options.format = (enum pn_rows_format)(data[0] % 3);
    options.kind = (enum pn_rows_kind)(data[0] / 3 % 3);
    file = fmemopen(pn_unconst(data + 1), size - 1, "r");
    assert(file != NULL);
    assert(pn_rows_new(file, &options, &rows) == PN_OK);
    read_all(rows, size);
    pn_rows_free(rows);
    (void) fclose(file);
    return 0;
}
