add_library(pushcart_warnings INTERFACE)
target_compile_options(pushcart_warnings INTERFACE -Wall -Wextra -Wshadow -Wnon-virtual-dtor -Woverloaded-virtual
                                                   -Wcast-qual -Wvla)

add_library(pushcart_flags INTERFACE)
if(PUSHCART_NATIVE)
  target_compile_options(pushcart_flags INTERFACE -march=native)
endif()
if(PUSHCART_SANITIZE)
  target_compile_options(pushcart_flags INTERFACE -fsanitize=${PUSHCART_SANITIZE} -fno-omit-frame-pointer
                                                  -fno-sanitize-recover=all)
  target_link_options(pushcart_flags INTERFACE -fsanitize=${PUSHCART_SANITIZE})
endif()
