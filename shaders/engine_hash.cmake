# SPDX-License-Identifier: MIT
# Writes OUT, a C file with the hashes of the engine's sources and of the embedded
# modules: cmake -D OUT= -D ROOT= -D SOURCES= -D MODULES= -P (lists separated by |).
# One line per file, "name sha256", in the order of the names; the hash is of that text.
function(hash_files result list)
  string(REPLACE "|" ";" files "${list}")
  set(lines "")
  foreach(file IN LISTS files)
    file(SHA256 "${file}" sum)
    cmake_path(RELATIVE_PATH file BASE_DIRECTORY "${ROOT}" OUTPUT_VARIABLE name)
    if(result STREQUAL "spirv")
      get_filename_component(name "${file}" NAME)
    endif()
    list(APPEND lines "${name} ${sum}\n")
  endforeach()
  list(SORT lines COMPARE STRING)
  list(JOIN lines "" text)
  string(SHA256 sum "${text}")
  set(${result} ${sum} PARENT_SCOPE)
endfunction()
hash_files(engine "${SOURCES}")
hash_files(spirv "${MODULES}")
file(WRITE "${OUT}" "#include \"shaders.h\"\n"
  "const char lacquer_engine_hash[65] = \"${engine}\";\n"
  "const char lacquer_spirv_hash[65] = \"${spirv}\";\n")
