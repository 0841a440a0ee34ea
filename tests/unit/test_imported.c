/* SPDX-License-Identifier: Apache-2.0 */
/* Passwords in the forms of other programs; hashes by openssl and crypt(3). */
#include "daemon/signin/imported.h"

#include "check.h"
#include "daemon/signin/password.h"

#define SHA512                                                                 \
    "$6$saltsalt$hRM5XZ86KXEw9UOmjigeVqFgULtFB2sgpC9lXQDfMib3Zgw7mEiUvBJI2Epl" \
    "zfAqxL5Vvwp2scFtv/uamSo5z0"

static const char *const known[] = {
    "$apr1$abcdefgh$sIQmFnT1CuEXAsyjuXjUX/",
    "$1$abcd$aRemUGAXqMpBp39KZBtve.",
    "$5$saltsalt$myjXcpMpE2Ofk7fj9hqyNYSn6lmWG4Mqnjx.KIRRr4/",
    SHA512,
    "$2y$04$abcdefghijklmnopqrstuujydOTSfIH/d5oUHpsygqV5X9xJLQc6e",
    "{SHA}L55TUjtiq8FBorTWAZ0jy6g129A=",
};

static bool
right(const char *password, const char *hash)
{
    struct pn_secret secret = {0};

    assert_int_equal(pn_secret_set(&secret, pn_str_from(password)), PN_OK);
    return pn_imported_verify(&secret, hash);
}

static void
test_the_password_fits_and_no_other_does(void **state)
{
    (void) state;
    for (size_t i = 0; i < PN_LEN(known); i++) {
        char other[128];

        assert_true(pn_imported_is_known(pn_str_from(known[i])));
        assert_int_equal(pn_password_form(known[i]), PN_PASSWORD_IMPORTED);
        assert_true(right("correct horse", known[i]));
        assert_false(right("correct horsf", known[i]));
        assert_false(right("", known[i]));
        /* one digit of the hash is another one */
        (void) snprintf(other, sizeof(other), "%s", known[i]);
        size_t at = strlen(other) - 4;

        other[at] = other[at] == 'x' ? 'y' : 'x';
        assert_false(right("correct horse", other));
    }
}

static void
test_other_forms_and_costs_are_not_taken(void **state)
{
    static const char *const unknown[] = {
        "",
        "plain",
        "rl.3StKT.4T8M",
        "$apr1$abcdefghi$sIQmFnT1CuEXAsyjuXjUX/",
        "$apr1$abcdefgh$sIQmFnT1CuEXAsyjuXjUX",
        "$2y$13$abcdefghijklmnopqrstuujydOTSfIH/d5oUHpsygqV5X9xJLQc6e",
        "$2y$04$abcdefghijklmnopqrstuujydOTSfIH/d5oUHpsygqV5X9xJLQc6",
        "$5$rounds=999999$saltsalt$myjXcpMpE2Ofk7fj9hqyNYSn6lmWG4Mqnjx.KIRRr4/",
        "$5$rounds=999$saltsalt$myjXcpMpE2Ofk7fj9hqyNYSn6lmWG4Mqnjx.KIRRr4/",
        "$5$rounds=1000000$salt$myjXcpMpE2Ofk7fj9hqyNYSn6lmWG4Mqnjx.KIRRr4/",
        "$5$rounds=$saltsalt$myjXcpMpE2Ofk7fj9hqyNYSn6lmWG4Mqnjx.KIRRr4/",
        "$5$rounds=x$saltsalt$myjXcpMpE2Ofk7fj9hqyNYSn6lmWG4Mqnjx.KIRRr4/",
        "{SHA}L55TUjtiq8FBorTWAZ0jy6g129A",
        "{SSHA}L55TUjtiq8FBorTWAZ0jy6g129A=",
        "$argon2id$v=19$m=9999999,t=2,p=1$c2FsdHNhbHQ$aGFzaA",
        "$y$j9T$abc$def",
    };

    (void) state;
    for (size_t i = 0; i < PN_LEN(unknown); i++) {
        assert_int_equal(pn_password_form(unknown[i]), PN_PASSWORD_UNKNOWN);
        assert_false(right("correct horse", unknown[i]));
    }
}

/* Each digit of each form spoilt in turn, and each form cut anywhere. */
static void
test_what_is_nearly_of_a_form_is_not(void **state)
{
    static const char *const forms[] = {
        "$5$rounds=1000$saltsalt$myjXcpMpE2Ofk7fj9hqyNYSn6lmWG4Mqnjx.KIRRr4/",
        "$2a$10$abcdefghijklmnopqrstuujydOTSfIH/d5oUHpsygqV5X9xJLQc6e",
        "$2b$04$abcdefghijklmnopqrstuujydOTSfIH/d5oUHpsygqV5X9xJLQc6e",
    };
    char text[200];

    (void) state;
    for (size_t i = 0; i < PN_LEN(known) + PN_LEN(forms); i++) {
        const char *form =
            i < PN_LEN(known) ? known[i] : forms[i - PN_LEN(known)];
        const size_t len = strlen(form);

        assert_int_not_equal(pn_password_form(form), PN_PASSWORD_UNKNOWN);
        for (size_t at = 0; at < len; at++) {
            for (const char *wrong = "!~"; *wrong != '\0'; wrong++) {
                (void) snprintf(text, sizeof(text), "%s", form);
                text[at] = *wrong;
                assert_int_equal(pn_password_form(text), PN_PASSWORD_UNKNOWN);
            }
            text[at] = '\0';
            assert_int_equal(pn_password_form(text), PN_PASSWORD_UNKNOWN);
        }
    }
}

int
main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_the_password_fits_and_no_other_does),
        cmocka_unit_test(test_other_forms_and_costs_are_not_taken),
        cmocka_unit_test(test_what_is_nearly_of_a_form_is_not),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
