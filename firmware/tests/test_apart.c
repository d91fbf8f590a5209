// A model that lies apart from the code is run where it is whole and the code's own, and refused otherwise.

#include <stddef.h>
#include <string.h>

#include "check.h"
#include "ser_apart.h"
#include "ser_engine.h"

typedef struct {
  ser_apart_header header;
  char weights[8];
} section;

static const section whole = {
    {{'S', 'E', 'R', 'M'}, 1, sizeof(section), 0x92e7f449u, {0, 1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11, 12, 13, 14, 15}},
    {'w', 'e', 'i', 'g', 'h', 't', 's', '!'},
};

// What is said of a section of which one byte is another.
static int check_with_changed_byte(size_t place) {
  section changed = whole;
  ((unsigned char *)&changed)[place] ^= 0x10;
  return ser_apart_check(&changed.header, &whole.header);
}

static void test_a_whole_section_of_the_codes_own_shape_is_taken(void) {
  CHECK(ser_apart_check(&whole.header, &whole.header) == 0);
}

static void test_no_byte_of_a_section_may_be_another(void) {
  for (size_t place = 0; place < sizeof(section); place++) {
    const int expected = place < offsetof(ser_apart_header, version)  ? SER_ENGINE_NO_MODEL
                         : place < offsetof(ser_apart_header, bytes)  ? SER_ENGINE_MODEL_VERSION
                         : place < offsetof(ser_apart_header, crc32)  ? SER_ENGINE_MODEL_SHAPE
                         : place < offsetof(ser_apart_header, shape)  ? SER_ENGINE_MODEL_DAMAGED
                         : place < sizeof(ser_apart_header)           ? SER_ENGINE_MODEL_SHAPE
                                                                      : SER_ENGINE_MODEL_DAMAGED;
    CHECK(check_with_changed_byte(place) == expected);
  }
}

static void test_each_refusal_is_worded(void) {
  CHECK(strstr(ser_engine_reason(SER_ENGINE_NO_MODEL), "there is none") != NULL);
  CHECK(strstr(ser_engine_reason(SER_ENGINE_MODEL_VERSION), "another version") != NULL);
  CHECK(strstr(ser_engine_reason(SER_ENGINE_MODEL_SHAPE), "other layers") != NULL);
  CHECK(strstr(ser_engine_reason(SER_ENGINE_MODEL_DAMAGED), "damaged") != NULL);
}

int main(void) {
  test_a_whole_section_of_the_codes_own_shape_is_taken();
  test_no_byte_of_a_section_may_be_another();
  test_each_refusal_is_worded();
  return failures != 0;
}
