"""A model whose words are given."""

from __future__ import annotations

from llama_index.core.llms import ChatMessage, ChatResponse, CustomLLM, LLMMetadata, MessageRole


class Talkative(CustomLLM):
    """Says the same whatever it is asked, as a model does that knows the answer by heart."""

    says: str

    @property
    def metadata(self) -> LLMMetadata:
        return LLMMetadata(is_chat_model=True)

    def complete(self, prompt, formatted=False, **kwargs):  # type: ignore[no-untyped-def]
        raise NotImplementedError

    def stream_complete(self, prompt, formatted=False, **kwargs):  # type: ignore[no-untyped-def]
        raise NotImplementedError

    def stream_chat(self, messages, **kwargs):  # type: ignore[no-untyped-def]
        yield ChatResponse(message=ChatMessage(role=MessageRole.ASSISTANT, content=self.says), delta=self.says)
