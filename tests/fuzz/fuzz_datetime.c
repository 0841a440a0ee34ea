/* SPDX-License-Identifier: Apache-2.0 */
/* Whatever is read can be written, and reads the same again. */
#include <assert.h>
#include <string.h>

#include "base/datetime.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    char text[PN_DATETIME_LEN + 1];
    int64_t at = -1, again = -1;
    enum pn_err err =
        pn_datetime_parse((struct pn_str){(const char *) data, size}, &at);

    if (err != PN_OK) {
        assert(at == -1);
        return 0;
    }
    err = pn_datetime_format(at, text);
    assert(err == PN_OK);
    err = pn_datetime_parse((struct pn_str){text, strlen(text)}, &again);
    assert(err == PN_OK && again == at);
    return 0;
}
