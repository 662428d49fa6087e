// SPDX-License-Identifier: Apache-2.0
#include <gtest/gtest.h>

#include <chrono>

#include "symbolize/demangle_cost.h"
#include "symbolize/frame.h"

namespace coroscope {
namespace {

TEST(Demangle, LeavesOtherNamesAlone) {
  EXPECT_EQ(demangle("main"), "main");
  EXPECT_EQ(demangle("_ZN4demo7recurseEi"), "demo::recurse(int)");
  EXPECT_EQ(demangle("_Znonsense"), "_Znonsense");
  EXPECT_EQ(demangle(""), "");
  EXPECT_LE(demangle(std::string(1 << 20, 'x').c_str()).size(), 4096u);
}

// Real names, of the kinds that are long or rare.
TEST(Demangle, UnderstandsWhatCompilersWrite) {
  for (const char* name : {
           "_ZNSt6vectorISt4pairINSt7__cxx1112basic_stringIcSt11char_traitsIcESaIcEEEiESaIS7_EE17_"
           "M_realloc_insertIJS7_EEEvN9__gnu_cxx17__normal_iteratorIPS7_S9_EEDpOT_",
           "_ZN4llvm10checkedAddIiEENSt9enable_ifIXsr3std9is_signedIT_EE5valueENS_8OptionalIS2_EEE"
           "4typeES2_S2_",
           "_ZN4llvm17make_filter_rangeINS_14iterator_rangeINS_5MachO13InterfaceFile21const_symbol_"
           "iteratorEEESt8functionIFbPKNS2_6SymbolEEEEENS1_INS_20filter_iterator_implIDTclsr3stdE5"
           "beginclsr3stdE7declvalIRT_EEEET0_NS_6detail15fwd_or_bidi_tagISF_E4typeEEEEEOSD_SG_",
           "_ZNSt10unique_ptrINSt7__cxx1112basic_stringIcSt11char_"
           "traitsIcESaIcEEEZN8nlohmann16json_"
           "abi_v3_11_210basic_jsonINS7_11ordered_mapESt6vectorS5_blmdSaNS7_14adl_serializerESA_"
           "IhSaIhEEE6createIS5_JRA10_KcEEEPT_DpOT0_EUlPS5_E_ED1Ev",
           "_ZGTtNKSt11logic_error4whatEv",
           "_ZThn16_NSt9strstreamD0Ev",
           "_ZZ4mainENKUlT_E_clIiEEDaS_",
           "_ZTVN10__cxxabiv120__si_class_type_infoE",
       }) {
    const std::string text = demangle(name);
    EXPECT_FALSE(text.starts_with("_Z")) << name;
    EXPECT_GE(demangle_cost(name), text.size()) << name;
  }
}

// Each level says the one before it twice.
std::string doubling(int levels, const std::string& begin, const std::string& end) {
  std::string name = begin;
  for (int level = 0; level < levels; level++) {
    std::string last = "S_";
    if (level > 0) {
      const int index = level - 1;
      last = index < 10   ? std::string(1, static_cast<char>('0' + index))
             : index < 36 ? std::string(1, static_cast<char>('A' + index - 10))
                          : "1" + std::string(1, static_cast<char>('0' + index - 36));
      last = "S" + last + "_";
    }
    name += "S_I" + last + last + "E";
  }
  return name + end;
}

TEST(Demangle, AShortNameCanNotStandForGigabytes) {
  const auto begin = std::chrono::steady_clock::now();
  for (const int levels : {16, 24, 32, 40, 45}) {
    const std::string name = doubling(levels, "_Z1f1A", "");
    EXPECT_GT(demangle_cost(name), uint64_t{1} << 20) << name;
    EXPECT_EQ(demangle(name.c_str()), name);
    // Nothing to write, but as much to walk.
    EXPECT_LE(demangle(doubling(levels, "_Z1fI1AJEE", "v").c_str()).size(), 4096u);
  }
  // A pack expanded in a pack, and arguments that name arguments.
  std::string packs = "_Z1fIJiiiiiiiiiiiiiiiiEEv";
  for (int i = 0; i < 40; i++) packs += "Dp";
  EXPECT_LE(demangle((packs + "T_").c_str()).size(), 4096u);
  EXPECT_LT(std::chrono::steady_clock::now() - begin, std::chrono::seconds(1));
}

TEST(Demangle, CutsLongTexts) {
  std::string name = "_Z1f";
  for (int i = 0; i < 1000; i++) name += "5Short";
  EXPECT_EQ(demangle(name.c_str()).size(), 4096u);
}

TEST(Demangle, SurvivesNonsense) {
  const std::string real =
      doubling(3, "_ZN3foo3barIXsr3std1xIT_E5valueELi5EZ1gvEUlvE_JidEEE", "DpT_");
  for (size_t i = 0; i < real.size(); i++) {
    (void)demangle(real.substr(0, i).c_str());
    for (const char c : {'S', 'I', 'E', 'N', 'Z', '_', '9', 'T', 'D', 'X', '\x80'}) {
      std::string bent = real;
      bent[i] = c;
      EXPECT_LE(demangle(bent.c_str()).size(), 4096u);
    }
  }
  for (const char* end :
       {"D", "C", "CI", "1aC", "fL", "S", "T", "Z", "DF", "A", "XfL", "Ul", "G"}) {
    for (const char* begin : {"_Z", "_ZN1a", "_Z1f", "_Z1fI", "_Z1fIX", "_ZZ1fvE"}) {
      EXPECT_FALSE(demangle((std::string(begin) + end).c_str()).empty());
    }
  }
  for (const char* text : {"I", "N", "Z", "P", "1aI", "FP", "XL", "Dp", "X", "L_Z", "Ul"}) {
    std::string deep = "_Z1f";
    for (int i = 0; i < 2000; i++) deep += text;
    EXPECT_LE(demangle(deep.c_str()).size(), 4096u) << text;
  }
}

}  // namespace
}  // namespace coroscope
