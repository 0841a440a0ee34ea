/* SPDX-License-Identifier: Apache-2.0 */
/*
 * For oracle_datetime.py: each line of standard input is an instant in
 * seconds or a text; the answer is the other form, or the error.
 */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/datetime.h"
#include "base/str.h"

int
main(void)
{
    char line[128], text[PN_DATETIME_LEN + 1];

    while (fgets(line, sizeof(line), stdin) != NULL) {
        int64_t at = 0;
        enum pn_err err;

        line[strcspn(line, "\n")] = '\0';
        if (strchr(line, 'T') == NULL) {
            err = pn_datetime_format(strtoll(line, NULL, 10), text);
            puts(err == PN_OK ? text : pn_err_text(err));
            continue;
        }
        err = pn_datetime_parse(pn_str_from(line), &at);
        if (err == PN_OK) {
            printf("%lld\n", (long long) at);
        } else {
            puts(pn_err_text(err));
        }
    }
    return 0;
}
